package worktree

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bsvsync/bsv/object"
)

// memStore keeps small files inline and others as chunks, in memory.
type memStore struct{ *object.Overlay }

func newMemStore() memStore {
	return memStore{object.NewOverlay(nil, object.NewHasher([32]byte{1}, [32]byte{2}))}
}

func (s memStore) Hasher() *object.Hasher { return s.Hash }

func (s memStore) WriteFile(ctx context.Context, r io.Reader, _ int64) (object.Content, uint64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return object.Content{}, 0, err
	}
	if len(b) <= object.InlineMax {
		return object.Content{Inline: string(b)}, uint64(len(b)), nil
	}
	id, err := s.Put(ctx, object.KindChunk, b)
	return object.Content{Kind: object.KindChunk, ID: id}, uint64(len(b)), err
}

func (s memStore) Missing(ctx context.Context, ids []object.ID) ([]object.ID, error) {
	var out []object.ID
	for _, id := range ids {
		if _, err := s.Get(ctx, id); err != nil {
			out = append(out, id)
		}
	}
	return out, nil
}

func (s memStore) Stream(ctx context.Context, c object.Content, _ uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if c.Kind == 0 {
			yield([]byte(c.Inline), nil)
			return
		}
		yield(s.Get(ctx, c.ID))
	}
}

type memRows map[string][]byte

func (m memRows) Row(mapping, dir string) ([]byte, error) { return m[mapping+"\x00"+dir], nil }

// keep takes the rows of a scan, as a device does after its record, and returns the
// tree.
func (m memRows) keep(of Mapping, r ScanResult) object.ID {
	for dir, b := range r.Rows {
		m[of.Path+"\x00"+dir] = b
	}
	return r.Tree
}

// ground is a mapped directory with its store and cache.
type ground struct {
	t    *testing.T
	m    Mapping
	s    memStore
	rows memRows
}

func newGround(t *testing.T) *ground {
	g := &ground{t, Mapping{Path: "/docs", Dir: t.TempDir(), Device: object.DeviceID{1}}, newMemStore(), memRows{}}
	if err := g.m.SetMarker(func(object.DeviceID) bool { return true }); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *ground) write(name, text string) {
	g.t.Helper()
	p := filepath.Join(g.m.Dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) read(name string) string {
	b, err := os.ReadFile(filepath.Join(g.m.Dir, name))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (g *ground) scan(base object.ID) ScanResult {
	g.t.Helper()
	r, err := Scan(context.Background(), ScanOptions{Mapping: g.m, Base: base, Store: g.s, Memory: g.rows})
	if err != nil {
		g.t.Fatal(err)
	}
	g.rows.keep(g.m, r)
	return r
}

func (g *ground) apply(have, want object.ID) (ApplyResult, error) {
	ctx := context.Background()
	return Apply(ctx, ApplyOptions{Mapping: g.m, Steps: Plan(ctx, g.s, have, want), Content: g.s, Store: g.s, Memory: g.rows})
}

func TestScanAndApplyComeBackTheSame(t *testing.T) {
	g := newGround(t)
	g.write("a", "one")
	g.write("d/e/f", strings.Repeat("long ", 100))
	if err := os.Symlink("../a", filepath.Join(g.m.Dir, "d", "link")); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	if err := os.Chtimes(filepath.Join(g.m.Dir, "a"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(g.m.Dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	first := g.scan(object.ID{}).Tree
	g.write("a", "two")
	g.write("new", "new")
	if err := os.RemoveAll(filepath.Join(g.m.Dir, "d")); err != nil {
		t.Fatal(err)
	}
	second := g.scan(first).Tree
	if first == second {
		t.Fatal("a change is no change")
	}
	r, err := g.apply(second, first)
	if err != nil || len(r.Problems) > 0 {
		t.Fatal(r, err)
	}
	if got := g.scan(first).Tree; got != first {
		t.Fatal("the first version does not come back")
	}
	if fi, err := os.Stat(filepath.Join(g.m.Dir, "a")); err != nil || !fi.ModTime().Equal(old) || fi.Mode().Perm() != 0o755 {
		t.Fatal(fi, err)
	}
	list, err := os.ReadDir(g.m.Dir)
	if err != nil || len(list) != 3 { // .bsvmap, a, d
		t.Fatal(list, err)
	}
}

// What a person wrote since the scan is never overwritten or deleted.
func TestApplyLooksAtWhatItDisplaces(t *testing.T) {
	for name, meddle := range map[string]func(g *ground){
		"edited":  func(g *ground) { g.write("a", "mine") },
		"deleted": func(g *ground) { os.Remove(filepath.Join(g.m.Dir, "a")) },
		"a directory": func(g *ground) {
			os.Remove(filepath.Join(g.m.Dir, "a"))
			g.write("a/mine", "mine")
		},
	} {
		g := newGround(t)
		g.write("a", "one")
		first := g.scan(object.ID{}).Tree
		g.write("a", "two, longer")
		second := g.scan(first).Tree
		meddle(g)
		if _, err := g.apply(second, first); !errors.Is(err, ErrReplan) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "edited" && g.read("a") != "mine" {
			t.Errorf("the edit is gone: %q", g.read("a"))
		}
		if name == "edited" {
			if _, err := g.apply(second, object.ID{}); !errors.Is(err, ErrReplan) || g.read("a") != "mine" {
				t.Errorf("a delete takes an edit: %v %q", err, g.read("a"))
			}
		}
	}
}

// A directory that became a link leads nowhere.
func TestApplyFollowsNoLink(t *testing.T) {
	g := newGround(t)
	outside := t.TempDir()
	g.write("d/a", "one")
	first := g.scan(object.ID{}).Tree
	g.write("d/a", "two, longer")
	second := g.scan(first).Tree
	for _, target := range []string{outside, "sibling"} {
		if err := os.RemoveAll(filepath.Join(g.m.Dir, "d")); err != nil {
			t.Fatal(err)
		}
		g.write("sibling/a", "two, longer")
		if err := os.WriteFile(filepath.Join(outside, "a"), []byte("two, longer"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(g.m.Dir, "d")); err != nil {
			t.Fatal(err)
		}
		if _, err := g.apply(second, first); !errors.Is(err, ErrReplan) {
			t.Errorf("%s: %v", target, err)
		}
		if b, err := os.ReadFile(filepath.Join(outside, "a")); err != nil || string(b) != "two, longer" {
			t.Errorf("written through a link: %s %v", b, err)
		}
		if g.read("sibling/a") != "two, longer" {
			t.Error("a sibling was written through a link")
		}
	}
}

// What an interrupted apply left goes, unless nobody knows it.
func TestRecover(t *testing.T) {
	g := newGround(t)
	g.write("d/.bsv-new-0000000000000001", "half")
	g.write("d/.bsv-swap-0000000000000002", "known")
	g.write("d/a", "a newer one")
	g.write("e/.bsv-swap-0000000000000004", "known")
	g.write(".bsv-swap-0000000000000003", "a person's only copy")
	known := g.scan(object.ID{}).Tree // the names of an apply are not in it
	e := object.Entry{Kind: object.File, Mode: 0o644, Content: object.Content{Inline: "known"}, Size: 5}
	tree, err := object.SetPath(context.Background(), g.s.Hasher(), g.s, g.s, known, "/d/a", &e)
	if err == nil {
		tree, err = object.SetPath(context.Background(), g.s.Hasher(), g.s, g.s, tree, "/e/a", &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	back, err := Recover(context.Background(), g.m, g.s, []object.ID{known, tree})
	if err != nil || len(back) != 1 || g.read(back[0]) != "a person's only copy" {
		t.Fatal(back, err)
	}
	for dir, text := range map[string]string{"d": "a newer one", "e": "known"} { // gone, and back under its own name
		if list, err := os.ReadDir(filepath.Join(g.m.Dir, dir)); err != nil || len(list) != 1 || g.read(dir+"/a") != text {
			t.Fatal(list, err)
		}
	}
}

func TestBrake(t *testing.T) {
	for _, c := range []struct {
		deleted, files, left uint64
		want                 bool
	}{{25, 25, 0, false}, {26, 26, 0, true}, {26, 1000, 974, false}, {41, 100, 59, true}, {40, 100, 60, false}} {
		if got := Brake(Change{Deleted: c.deleted}, c.files, c.left); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestBrakeTurned(t *testing.T) {
	for _, c := range []struct {
		turned, files uint64
		want          bool
	}{{25, 25, false}, {26, 26, true}, {50, 100, false}, {51, 100, true}} {
		if got := BrakeTurned(c.turned, c.files); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
