package worktree

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// Advance is the materialised tree after some steps of a plan were done. Each
// directory is written once, however many steps there are in it.
func Advance(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, materialised object.ID, done []Step) (object.ID, error) {
	root := &advance{kept: true}
	for _, s := range done {
		root.step(s.Path, s.To)
	}
	t := treeWriter{ctx, h, g, sink}
	id, _, err := t.write(root, materialised, 0)
	if err != nil {
		return object.ID{}, fmt.Errorf("advance: %w", err)
	}
	return id, nil
}

// advance is what steps made of one name.
type advance struct {
	kept  bool          // the entry is the one that was there; only what is below changes
	entry *object.Entry // otherwise: what is there now, nil when nothing is
	empty bool          // a directory that began empty here
	below map[string]*advance
}

func (a *advance) step(path []string, to *object.Entry) {
	for _, name := range path[:len(path)-1] {
		next := a.child(name)
		if next.isNoDir() {
			if to == nil {
				return
			}
			*next = advance{entry: wayDir(name), empty: true}
		}
		a = next
	}
	name := path[len(path)-1]
	n := a.child(name)
	if to == nil || to.Kind != object.Dir {
		*n = advance{entry: to}
		return
	}
	// What is inside has steps of its own.
	*n = advance{entry: to, empty: n.empty || n.isNoDir(), below: n.below}
}

func (a *advance) child(name string) *advance {
	if a.below == nil {
		a.below = map[string]*advance{}
	}
	n := a.below[name]
	if n == nil {
		n = &advance{kept: true}
		a.below[name] = n
	}
	return n
}

// isNoDir reports that the steps left no directory here.
func (a *advance) isNoDir() bool {
	return !a.kept && (a.entry == nil || a.entry.Kind != object.Dir)
}

// adds reports whether anything but removals is below.
func (a *advance) adds() bool {
	for _, n := range a.below {
		if !n.kept && n.entry != nil || n.adds() {
			return true
		}
	}
	return false
}

// wayDir is a directory on the way to an entry that has no step of its own, as
// object.SetPath makes it.
func wayDir(name string) *object.Entry {
	return &object.Entry{Name: name, Kind: object.Dir, Mode: 0o755}
}

type treeWriter struct {
	ctx  context.Context
	h    *object.Hasher
	g    object.Getter
	sink object.Sink
}

// write gives a directory what the steps made of it.
func (t treeWriter) write(a *advance, tree object.ID, depth int) (object.ID, object.Summary, error) {
	if depth > object.MaxDepth {
		return object.ID{}, object.Summary{}, object.ErrLimit
	}
	var edits []object.Edit
	for _, name := range slices.Sorted(maps.Keys(a.below)) {
		n := a.below[name]
		if !n.kept && n.entry == nil {
			edits = append(edits, object.Edit{Name: name})
			continue
		}
		e, err := t.entry(n, tree, name)
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if e == nil {
			continue
		}
		if e.Kind == object.Dir && (len(n.below) > 0 || e.Tree.IsZero()) {
			var sum object.Summary
			if e.Tree, sum, err = t.write(n, e.Tree, depth+1); err != nil {
				return object.ID{}, object.Summary{}, err
			}
			e.Size = sum.Bytes
		}
		edits = append(edits, object.Edit{Name: name, Entry: e})
	}
	return object.EditTree(t.ctx, t.h, t.g, t.sink, tree, edits)
}

// entry is the entry of one name before what is below it is written; nil when
// there is none, and none is made.
func (t treeWriter) entry(n *advance, tree object.ID, name string) (*object.Entry, error) {
	if !n.kept && n.entry.Kind != object.Dir {
		e := *n.entry
		e.Name = name
		return &e, nil
	}
	old, ok := object.Entry{}, false
	if !tree.IsZero() {
		var err error
		if old, ok, err = object.Lookup(t.ctx, t.g, tree, name); err != nil {
			return nil, err
		}
	}
	had := ok && old.Kind == object.Dir
	switch {
	case n.kept && had:
		return &old, nil
	case n.kept && !n.adds():
		return nil, nil
	case n.kept:
		return wayDir(name), nil
	}
	e := *n.entry
	e.Name, e.Tree, e.Size = name, object.ID{}, 0
	if had && !n.empty {
		e.Tree, e.Size = old.Tree, old.Size
	}
	return &e, nil
}
