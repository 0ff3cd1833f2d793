package merge_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// world is the objects of a test: everything ever made, in memory.
type world struct {
	t     fataler
	ctx   context.Context
	hash  *object.Hasher
	store *object.Overlay
	memo  *merge.Memo
	count int // snapshots made, so that each is its own
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

var (
	_ fataler = (*testing.T)(nil)
	_ fataler = (*testing.B)(nil)
)

func newWorld(t fataler) *world {
	h := object.NewHasher([32]byte{1}, [32]byte{2})
	w := &world{t: t, ctx: context.Background(), hash: h, store: object.NewOverlay(nil, h), memo: merge.NewMemo()}
	_, plain := object.EmptyTree(h)
	_, err := w.store.Put(w.ctx, object.KindTree, plain)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

func (w *world) env() merge.Env { return merge.Env{Get: w.store, Hash: w.hash, Memo: w.memo} }

// file, link and dir are entries; what a test does not care about is fixed.
func file(content string, mtime int64) object.Entry {
	return object.Entry{Kind: object.File, Content: object.Content{Inline: content}, Size: uint64(len(content)), Mode: 0o644, MTime: mtime}
}

func link(target string, mtime int64) object.Entry {
	return object.Entry{Kind: object.Symlink, Target: target, MTime: mtime}
}

func dir(mode uint16, mtime int64) object.Entry {
	return object.Entry{Kind: object.Dir, Mode: mode, MTime: mtime}
}

// flat is a tree as paths: files and links, and directories without their
// tree and size.
type flat map[string]object.Entry

// tree builds a flat tree. A directory must be named only when its own
// metadata matter.
func (w *world) tree(f flat) object.ID {
	w.t.Helper()
	root, _ := object.EmptyTree(w.hash)
	empty := root
	paths := make([]string, 0, len(f))
	for p := range f {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		e := f[p]
		if e.Kind == object.Dir {
			e.Tree = empty
		}
		var err error
		root, err = object.SetPath(w.ctx, w.hash, w.store, w.store, root, p, &e)
		w.must(err)
	}
	return root
}

// flat reads a tree and checks that it is well formed: what BuildTree gives
// for the same entries, with sizes that add up.
func (w *world) flat(root object.ID) flat {
	w.t.Helper()
	out := flat{}
	w.read(out, "/", root)
	return out
}

func (w *world) read(out flat, path string, root object.ID) uint64 {
	w.t.Helper()
	var bytes uint64
	id, sum, err := object.BuildTree(w.ctx, w.hash, w.store, object.Entries(w.ctx, w.store, root, ""))
	w.must(err)
	if id != root {
		w.t.Fatalf("%s: the tree is not the one that its entries build", path)
	}
	for e, err := range object.Entries(w.ctx, w.store, root, "") {
		w.must(err)
		p := object.JoinPath(path, e.Name)
		if e.Kind == object.Dir {
			if below := w.read(out, p, e.Tree); below != e.Size {
				w.t.Fatalf("%s: size %d, files below have %d", p, e.Size, below)
			}
			bytes += e.Size
			e.Tree, e.Size = object.ID{}, 0
		} else {
			bytes += e.Size
		}
		e.Name = ""
		out[p] = e
	}
	if bytes != sum.Bytes {
		w.t.Fatalf("%s: %d bytes, the tree says %d", path, bytes, sum.Bytes)
	}
	return bytes
}

// String shows the files and links, for tables of tests and for failures.
func (f flat) String() string {
	var b strings.Builder
	paths := make([]string, 0, len(f))
	for p := range f {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		switch e := f[p]; e.Kind {
		case object.File:
			fmt.Fprintf(&b, "%s=%s@%d ", p, e.Content.Inline, e.MTime)
		case object.Symlink:
			fmt.Fprintf(&b, "%s->%s ", p, e.Target)
		case object.Dir:
			fmt.Fprintf(&b, "%s/ ", p)
		}
	}
	return strings.TrimSpace(b.String())
}

func (w *world) keep(objs []merge.Object) {
	w.t.Helper()
	for _, o := range objs {
		id, err := w.store.Put(w.ctx, o.Kind, o.Plain)
		w.must(err)
		if id != o.ID {
			w.t.Fatalf("object %s says it is %s", id.Short(), o.ID.Short())
		}
	}
}

// three merges and checks what holds for every merge: the other order gives
// the same root, conflicts and objects are complete.
func (w *world) three(base, ours, theirs object.ID) merge.Result {
	w.t.Helper()
	r, err := merge.Three(w.ctx, w.env(), base, ours, theirs)
	w.must(err)
	back, err := merge.Three(w.ctx, w.env(), base, theirs, ours)
	w.must(err)
	w.keep(r.New)
	w.keep(back.New)
	if r.Root != back.Root {
		w.t.Fatalf("not symmetric\nbase   %v\nours   %v\ntheirs %v\n  gave %v\n back  %v", w.flat(base), w.flat(ours), w.flat(theirs), w.flat(r.Root), w.flat(back.Root))
	}
	if !reflect.DeepEqual(r.Conflicts, back.Conflicts) {
		w.t.Fatalf("conflicts are not symmetric: %v and %v", r.Conflicts, back.Conflicts)
	}
	return r
}

// snapshot writes a snapshot over the state of its parents.
func (w *world) snapshot(device byte, time int64, root object.ID, conflicts []object.Conflict, parents ...object.ID) object.ID {
	w.t.Helper()
	w.count++
	s := object.Snapshot{Root: root, Parents: sorted(parents), MergeVersion: 1, Device: object.DeviceID{device}, Time: time, Message: fmt.Sprint(w.count), Conflicts: conflicts}
	if len(parents) > 0 {
		s.Base = w.state(parents...).Root
	}
	b, err := object.EncodeSnapshot(s)
	w.must(err)
	id, err := w.store.Put(w.ctx, object.KindSnapshot, b)
	w.must(err)
	return id
}

func (w *world) state(heads ...object.ID) merge.Result {
	w.t.Helper()
	r, err := merge.State(w.ctx, w.env(), heads)
	w.must(err)
	w.keep(r.New)
	return r
}

func sorted(ids []object.ID) []object.ID {
	out := slices.Clone(ids)
	slices.SortFunc(out, func(a, b object.ID) int { return strings.Compare(string(a[:]), string(b[:])) })
	return slices.Compact(out)
}

// copyName is the name that a version of a file gets as a conflict copy.
func (w *world) copyName(path, content string) string {
	d, name := object.SplitPath(path)
	return object.JoinPath(d, merge.CopyName(name, w.hash.Sum(object.KindChunk, []byte(content))))
}
