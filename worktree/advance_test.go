package worktree

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
	"pgregory.net/rapid"
)

// oneByOne is Advance as it is meant: each step gives a tree of its own.
func oneByOne(ctx context.Context, h *object.Hasher, s *object.Overlay, tree object.ID, done []Step) (object.ID, error) {
	for _, step := range done {
		path := "/" + strings.Join(step.Path, "/")
		e := step.To
		if e != nil && e.Kind == object.Dir {
			old, ok, err := object.LookupPath(ctx, s, tree, path)
			if err != nil {
				return object.ID{}, err
			}
			n := *e
			n.Tree, n.Size = old.Tree, old.Size
			if !ok || old.Kind != object.Dir {
				if n.Tree, _, err = object.BuildTree(ctx, h, s, seq(nil)); err != nil {
					return object.ID{}, err
				}
				n.Size = 0
			}
			e = &n
		}
		var err error
		if tree, err = object.SetPath(ctx, h, s, s, tree, path, e); err != nil {
			return object.ID{}, err
		}
	}
	return tree, nil
}

// shape is a directory as a test draws it: a file's content, or a directory.
type shape struct {
	file string
	mode uint16
	dir  map[string]shape
}

func drawShape(t *rapid.T, depth int) shape {
	s := shape{mode: uint16(rapid.SampledFrom([]int{0o700, 0o755}).Draw(t, "mode")), dir: map[string]shape{}}
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name")
		if depth < 3 && rapid.Bool().Draw(t, "dir") {
			s.dir[name] = drawShape(t, depth+1)
		} else {
			s.dir[name] = shape{file: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "text")}
		}
	}
	return s
}

func (s shape) build(t *rapid.T, h *object.Hasher, store *object.Overlay) (object.ID, uint64) {
	var entries []object.Entry
	for _, name := range slices.Sorted(maps.Keys(s.dir)) {
		c := s.dir[name]
		if c.dir == nil {
			entries = append(entries, object.Entry{Name: name, Kind: object.File, Mode: 0o644, Size: uint64(len(c.file)), Content: object.Content{Inline: c.file}})
			continue
		}
		id, size := c.build(t, h, store)
		entries = append(entries, object.Entry{Name: name, Kind: object.Dir, Mode: c.mode, Tree: id, Size: size})
	}
	id, sum, err := object.BuildTree(context.Background(), h, store, seq(entries))
	if err != nil {
		t.Fatal(err)
	}
	return id, sum.Bytes
}

// Whatever part of one or two plans was done, as an apply does it (a directory's
// own mode comes last), the tree is the one that step after step gives.
func TestAdvanceIsStepAfterStep(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := object.NewHasher([32]byte{1}, [32]byte{2})
		store := object.NewOverlay(nothing{}, h)
		tree, _ := drawShape(t, 0).build(t, h, store)
		first := tree
		var done []Step
		whole := true
		var want object.ID
		for range rapid.IntRange(1, 2).Draw(t, "plans") {
			want, _ = drawShape(t, 0).build(t, h, store)
			var late []Step
			n := rapid.IntRange(0, 60).Draw(t, "steps done")
			for s, err := range Plan(ctx, store, tree, want) {
				if err != nil {
					t.Fatal(err)
				}
				if n--; n < 0 {
					whole = false
					break
				}
				if s.Op == OpSetDir {
					late = append(late, s)
				} else {
					done = append(done, s)
				}
			}
			done = append(done, late...)
			var err error
			if tree, err = oneByOne(ctx, h, store, first, done); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Advance(ctx, h, store, store, first, done)
		if err != nil {
			t.Fatal(err)
		}
		if got != tree {
			t.Fatalf("%d steps give %s, one by one %s", len(done), got.Short(), tree.Short())
		}
		if whole && got != want {
			t.Fatalf("all of the plan gives %s instead of %s", got.Short(), want.Short())
		}
	})
}

// BenchmarkAdvance writes down 16,000 files that were just made.
func BenchmarkAdvance(b *testing.B) {
	ctx := context.Background()
	h := object.NewHasher([32]byte{1}, [32]byte{2})
	var done []Step
	for d := range 500 {
		dir := fmt.Sprintf("dir %d", d)
		done = append(done, Step{Op: OpMkdir, Path: []string{dir}, To: &object.Entry{Name: dir, Kind: object.Dir, Mode: 0o755}})
		for f := range 32 {
			name := fmt.Sprintf("file %d", f)
			done = append(done, Step{Op: OpWrite, Path: []string{dir, name}, To: &object.Entry{Name: name, Kind: object.File, Size: 1, Content: object.Content{Inline: "x"}}})
		}
	}
	for b.Loop() {
		store := object.NewOverlay(nothing{}, h)
		empty, plain := object.EmptyTree(h)
		if _, err := store.Put(ctx, object.KindTree, plain); err != nil {
			b.Fatal(err)
		}
		if _, err := Advance(ctx, h, store, store, empty, done); err != nil {
			b.Fatal(err)
		}
	}
}
