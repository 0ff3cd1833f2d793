package merge

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// State computes f(heads). Heads must be maximal (Heads); their order does
// not matter. No heads give the empty tree.
func State(ctx context.Context, env Env, heads []object.ID) (Result, error) {
	w := newWork(ctx, env)
	m, err := w.state(sortIDs(heads), true)
	if err != nil {
		return Result{}, fmt.Errorf("merge state: %w", err)
	}
	return Result{Root: m.root, New: w.objects(), Conflicts: m.conflicts, Notices: m.notices}, nil
}

// Root is State's root alone.
func Root(ctx context.Context, env Env, heads []object.ID) (object.ID, []Object, error) {
	r, err := State(ctx, env, heads)
	return r.Root, r.New, err
}

func setKey(ids []object.ID) string {
	var b bytes.Buffer
	for _, id := range ids {
		b.Write(id[:])
	}
	return b.String()
}

// state is f of a sorted set of maximal snapshots. records asks for conflict
// records; a base needs none.
func (w *work) state(heads []object.ID, records bool) (memoised, error) {
	if len(heads) == 0 {
		id, plain := object.EmptyTree(w.Hash)
		if _, err := w.over.Put(w.ctx, object.KindTree, plain); err != nil {
			return memoised{}, err
		}
		return memoised{root: id}, nil
	}
	first, err := w.memo.snapshot(w.ctx, w.Get, heads[0])
	if err != nil {
		return memoised{}, err
	}
	if len(heads) == 1 {
		return memoised{root: first.Root, conflicts: first.Conflicts}, nil
	}
	key := setKey(heads)
	if m, ok := w.memo.state(key); ok {
		for _, o := range m.objects {
			if _, err := w.over.Put(w.ctx, o.Kind, o.Plain); err != nil {
				return memoised{}, err
			}
		}
		return m, nil
	}
	acc := memoised{root: first.Root}
	var fresh []conflict
	for i, h := range heads[1:] {
		s, err := w.memo.snapshot(w.ctx, w.Get, h)
		if err != nil {
			return memoised{}, err
		}
		base, err := w.base(heads[:i+1], h, s)
		if err != nil {
			return memoised{}, err
		}
		t := &three{work: w}
		root, err := t.trees(base, acc.root, s.Root)
		if err != nil {
			return memoised{}, err
		}
		acc.root = root
		fresh = append(fresh, t.conflicts...)
		acc.notices = append(acc.notices, t.notices...)
	}
	if acc.conflicts, err = w.records(heads, acc.root, fresh); err != nil {
		return memoised{}, err
	}
	if acc.objects = w.objects(); len(acc.objects) <= maxObjects {
		w.memo.keep(key, acc)
	}
	return acc, nil
}

// base is f of what both sides have seen. Snapshots whose parents are exactly
// that set carry its root.
func (w *work) base(left []object.ID, h object.ID, s object.Snapshot) (object.ID, error) {
	b, err := w.bases(left, []object.ID{h})
	if err != nil {
		return object.ID{}, err
	}
	if len(b) == 0 {
		return object.ID{}, nil
	}
	if len(left) == 1 && slices.Equal(s.Parents, b) {
		o, err := w.memo.snapshot(w.ctx, w.Get, left[0])
		if err != nil {
			return object.ID{}, err
		}
		if slices.Equal(o.Parents, b) && o.Base == s.Base {
			return s.Base, nil
		}
	}
	m, err := w.state(b, false)
	return m.root, err
}

// Three merges two trees by their base; the zero id is an empty tree.
func Three(ctx context.Context, env Env, base, ours, theirs object.ID) (Result, error) {
	return run(&three{work: newWork(ctx, env)}, base, ours, theirs)
}

// Scanned merges what was found on a disk with what the disk was being given,
// by what is known to have arrived there. A step of an interrupted apply that
// nobody wrote down is no statement of a person: a conflict copy that only
// the given tree has stays when its original was found as it was given.
func Scanned(ctx context.Context, env Env, materialised, scanned, given object.ID) (Result, error) {
	return run(&three{work: newWork(ctx, env), applied: true}, materialised, scanned, given)
}

func run(t *three, base, ours, theirs object.ID) (Result, error) {
	root, err := t.trees(base, ours, theirs)
	if err != nil {
		return Result{}, fmt.Errorf("merge: %w", err)
	}
	r := Result{Root: root, Notices: t.notices}
	for _, c := range t.conflicts {
		r.Conflicts = append(r.Conflicts, c.record())
	}
	r.Conflicts = object.SortConflicts(r.Conflicts)
	r.New = t.objects()
	return r, nil
}
