package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// maker puts objects into a vault that no honest device makes.
type maker struct {
	*testing.T
	v *vault
}

func (m maker) put(kind object.Kind, plain []byte) object.ID {
	m.Helper()
	if err := object.Validate(kind, plain); err != nil {
		m.Fatalf("it would not even arrive: %v", err)
	}
	id, err := m.v.repo.Put(m.Context(), kind, plain)
	if err != nil {
		m.Fatal(err)
	}
	return id
}

func (m maker) tree(list ...object.Entry) object.ID {
	m.Helper()
	id, _, err := object.BuildTree(m.Context(), m.v.repo.Hasher(), m.v.repo, func(yield func(object.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		m.Fatal(err)
	}
	return id
}

func dirOf(name string, tree object.ID, size uint64) object.Entry {
	return object.Entry{Name: name, Kind: object.Dir, Tree: tree, Size: size, Mode: 0o755}
}

func textFile(name, text string) object.Entry {
	return object.Entry{Name: name, Kind: object.File, Content: object.Content{Inline: text}, Size: uint64(len(text)), Mode: 0o644}
}

func (m maker) snapshot(s object.Snapshot) object.ID {
	m.Helper()
	s.MergeVersion = 1
	b, err := object.EncodeSnapshot(s)
	if err != nil {
		m.Fatal(err)
	}
	return m.put(object.KindSnapshot, b)
}

// many are enough files for a tree of two levels.
func many(n int) []object.Entry {
	var out []object.Entry
	for i := range n {
		out = append(out, textFile(fmt.Sprintf("f%05d", i), strings.Repeat("x", 100)))
	}
	return out
}

// A member publishes what is well formed object by object and cannot be
// walked, or not to an end. It counts nowhere, or waits; everything else goes
// on.
func TestHeadsThatCannotBeWalked(t *testing.T) {
	for name, make := range map[string]func(m maker, honest object.ID, by object.DeviceID) object.ID{
		"sums that lie above a part that is here": func(m maker, honest object.ID, by object.DeviceID) object.ID {
			s, err := object.GetSnapshot(m.Context(), m.v.repo, honest)
			if err != nil {
				m.Fatal(err)
			}
			b, err := m.v.repo.Get(m.Context(), s.Root)
			if err != nil {
				m.Fatal(err)
			}
			b = bytes.Clone(b)
			b[len(b)-1] ^= 1 // of the last child's bytes
			return m.snapshot(object.Snapshot{Root: m.put(object.KindTree, b), Parents: []object.ID{honest}, Base: s.Root, Device: by})
		},
		"a directory that is too deep": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			id := m.tree(textFile("f", "x"))
			for range object.MaxDepth + 10 {
				id = m.tree(dirOf("d", id, 1))
			}
			return m.snapshot(object.Snapshot{Root: id, Device: by})
		},
		"half a depth twice": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			id := m.tree(textFile("f", "x"))
			for range object.MaxDepth / 2 {
				id = m.tree(dirOf("d", id, 1))
			}
			deep := m.tree(dirOf("d", id, 1))
			for range object.MaxDepth/2 + 10 {
				deep = m.tree(dirOf("d", deep, 1))
			}
			return m.snapshot(object.Snapshot{Root: m.tree(dirOf("a", id, 1), dirOf("b", deep, 1)), Device: by})
		},
		"a path that is too long": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			id := m.tree(textFile("f", "x"))
			for range object.MaxPath/object.MaxName + 1 {
				id = m.tree(dirOf(strings.Repeat("n", object.MaxName), id, 1))
			}
			return m.snapshot(object.Snapshot{Root: id, Device: by})
		},
		"a few trees with paths without end": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			id := m.tree(textFile("f", ""))
			for range 200 {
				id = m.tree(dirOf("a", id, 0), dirOf("b", id, 0))
			}
			return m.snapshot(object.Snapshot{Root: id, Device: by})
		},
		"more bytes than a merge can count": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			return m.snapshot(object.Snapshot{Root: m.tree(dirOf("big", m.tree(textFile("f", "x")), 1<<64-1)), Device: by})
		},
		"a base that cannot be walked": func(m maker, honest object.ID, by object.DeviceID) object.ID {
			id := m.tree()
			for range object.MaxDepth + 10 {
				id = m.tree(dirOf("d", id, 0))
			}
			return m.snapshot(object.Snapshot{Root: m.tree(textFile("f", "x")), Parents: []object.ID{honest}, Base: id, Device: by})
		},
		"a conflict that cannot be walked": func(m maker, _ object.ID, by object.DeviceID) object.ID {
			id := m.tree()
			for range object.MaxDepth + 10 {
				id = m.tree(dirOf("d", id, 0))
			}
			return m.snapshot(object.Snapshot{Root: m.tree(textFile("c", "x")), Device: by, Conflicts: []object.Conflict{{Path: "/x", Type: "content", Sides: []object.Side{{Entry: dirOf("x", id, 0)}}, Copies: []string{"/c"}}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			n, v, o := lone(t)
			m := maker{t, v}
			v.view.join(object.Settings{}.Admit(o.admission))
			honest := goodHead(t, n, v, m.tree(many(600)...))
			head := make(m, honest, o.id)
			if err := v.repo.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			o.tell(head)
			goesOn(t, n, v, honest, head)
		})
	}
}

func goodHead(t *testing.T, n *Node, v *vault, tree object.ID) object.ID {
	t.Helper()
	n.work.Lock()
	defer n.work.Unlock()
	id, err := n.writeSnapshot(t.Context(), v, worktree.Decision{Kind: worktree.Write, Tree: tree}, nil, "", func([]object.ID) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// goesOn checks that a head counts nowhere and stops nothing.
func goesOn(t *testing.T, n *Node, v *vault, honest, head object.ID) {
	t.Helper()
	ctx := t.Context()
	h, _, err := v.view.H(ctx)
	if err != nil || len(h) != 1 || h[0] != honest {
		t.Fatalf("heads %v, %v", h, err)
	}
	for what, do := range map[string]func() error{
		"status": func() error { _, err := n.Status(ctx); return err },
		"log":    func() error { _, err := n.Log(ctx, LogRequest{}); return err },
		"ls":     func() error { _, err := n.Ls(ctx, ShowRequest{Recursive: true}); return err },
		"restore": func() error {
			_, err := n.Restore(ctx, RestoreRequest{To: t.TempDir()})
			return err
		},
		"add": func() error { _, err := n.PutFile(ctx, PathRequest{Path: "/new"}, strings.NewReader("x")); return err },
		"give": func() error {
			_, err := collect(ctx, v, []object.ID{head, honest}, nil, collectBatch, func([]object.ID) error { return nil })
			return err
		},
		"snapshot": func() error { _, err := n.Snapshot(ctx, SnapshotRequest{}); return err },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A list of few nodes that says to be longer than any disk is walked in the
// time of its nodes.
func TestListWithoutEnd(t *testing.T) {
	ctx := t.Context()
	_, v, _ := lone(t)
	m := maker{t, v}
	chunk := m.put(object.KindChunk, bytes.Repeat([]byte("x"), 200))
	size := uint64(200 << 20)
	id, err := object.BuildList(ctx, v.repo.Hasher(), v.repo, func(yield func(object.Piece, error) bool) {
		for range 1 << 20 {
			if !yield(object.Piece{ID: chunk, Length: 200}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, err := range object.Chunks(ctx, v.repo, id, size) {
		if err != nil {
			t.Fatal(err)
		}
		looked++
	}
	if looked != 1 {
		t.Errorf("%d chunks", looked)
	}
	for _, err := range object.Chunks(ctx, v.repo, id, size+1) {
		if !errors.Is(err, object.ErrMalformed) {
			t.Errorf("a list of another length: %v", err)
		}
	}
}

// Attributes that lie in an object of their own belong to what a snapshot
// needs, of a directory and of a file whose content stays, too.
func TestLinkedAttributesBelongToASnapshot(t *testing.T) {
	ctx := context.Background()
	n, v, o := lone(t)
	m := maker{t, v}
	v.view.join(object.Settings{}.Admit(o.admission))
	d, f := dirOf("d", m.tree(), 0), textFile("f", "x")
	honest := goodHead(t, n, v, m.tree(d, f))
	for name, change := range map[string]func(x object.Content) (object.Entry, object.Entry){
		"directory": func(x object.Content) (object.Entry, object.Entry) { c := d; c.Xattrs = x; return c, f },
		"file":      func(x object.Content) (object.Entry, object.Entry) { c := f; c.Xattrs = x; return d, c },
	} {
		t.Run(name, func(t *testing.T) {
			m := maker{t, v}
			plain := bytes.Repeat([]byte(name), 100)
			attrs := v.repo.Hasher().Sum(object.KindChunk, plain)
			a, b := change(object.Content{Kind: object.KindChunk, ID: attrs})
			head := m.snapshot(object.Snapshot{Root: m.tree(a, b), Parents: []object.ID{honest}, Base: m.tree(d, f), Device: o.id})
			miss, err := missing(ctx, v, head, v.view.hasComplete, false)
			if err != nil || !slices.Equal(miss.all(), []object.ID{attrs}) {
				t.Errorf("missing %v, %v", miss, err)
			}
			if got := m.put(object.KindChunk, plain); got != attrs {
				t.Fatal("another id")
			}
			given := map[object.ID]bool{}
			_, err = collect(ctx, v, []object.ID{head}, []object.ID{honest}, collectBatch, func(ids []object.ID) error {
				for _, id := range ids {
					given[id] = true
				}
				return nil
			})
			if err != nil || !given[attrs] {
				t.Errorf("they are not given out: %v", err)
			}
		})
	}
}

// A file whose list says other lengths than its chunks have cannot be written;
// everything else of that snapshot is, and the device goes on.
func TestFileThatCannotBeWritten(t *testing.T) {
	ctx := t.Context()
	n, _, docs := mapped(t)
	v, err := n.open()
	if err != nil {
		t.Fatal(err)
	}
	m := maker{t, v}
	o := newTeller(t, v, secretOfLone())
	v.view.join(object.Settings{}.Admit(o.admission))
	h, _, err := v.view.H(ctx)
	if err != nil || len(h) != 1 {
		t.Fatal(h, err)
	}
	s, err := object.GetSnapshot(ctx, v.repo, h[0])
	if err != nil {
		t.Fatal(err)
	}
	a, b := m.put(object.KindChunk, bytes.Repeat([]byte("a"), 200)), m.put(object.KindChunk, bytes.Repeat([]byte("b"), 200))
	list, err := object.BuildList(ctx, v.repo.Hasher(), v.repo, func(yield func(object.Piece, error) bool) {
		_ = yield(object.Piece{ID: a, Length: 300}, nil) && yield(object.Piece{ID: b, Length: 100}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	root := s.Root
	for path, e := range map[string]object.Entry{
		"/docs/bad":   {Kind: object.File, Content: object.Content{Kind: object.KindList, ID: list}, Size: 400, Mode: 0o644},
		"/docs/short": {Kind: object.File, Content: object.Content{Kind: object.KindChunk, ID: a}, Size: 4000, Mode: 0o644},
		"/docs/z":     textFile("z", "good"),
	} {
		if root, err = object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, path, &e); err != nil {
			t.Fatal(err)
		}
	}
	o.tell(m.snapshot(object.Snapshot{Root: root, Parents: h, Base: s.Root, Device: o.id}))
	for range 2 {
		if !n.turn(ctx, nil) {
			t.Error("a turn fails")
		}
	}
	holds(t, filepath.Join(docs, "z"), "good")
	holds(t, filepath.Join(docs, "a"), "one")
	write(t, filepath.Join(docs, "mine"), "mine")
	if _, err := n.Snapshot(ctx, SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/docs/mine", "/docs/bad"} {
		if _, err := n.Ls(ctx, ShowRequest{Ref: p}); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}
