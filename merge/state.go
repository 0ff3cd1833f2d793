package merge

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// State computes f(heads): of their maximal ones, in any order. No heads give
// the empty tree. The state of one head needs no rules; that of several is
// ErrVersion when the vault's rules are newer.
func State(ctx context.Context, env Env, heads []object.ID) (Result, error) {
	w := newWork(ctx, env)
	m, err := w.maximalState(sortIDs(heads))
	if err != nil {
		return Result{}, fmt.Errorf("merge state: %w", err)
	}
	return Result{Root: m.root, New: w.objects(), Conflicts: cloneConflicts(m.conflicts), Notices: slices.Clone(m.notices)}, nil
}

func setKey(ids []object.ID) string {
	var b bytes.Buffer
	for _, id := range ids {
		b.Write(id[:])
	}
	return b.String()
}

// maximalState is f of any sorted set. A set that is remembered was maximal.
func (w *work) maximalState(heads []object.ID) (memoised, error) {
	if _, ok := w.memo.state(setKey(heads)); !ok || w.check() != nil {
		var err error
		if heads, err = w.maximal(setOf(heads)); err != nil {
			return memoised{}, err
		}
	}
	return w.state(heads)
}

// state is f of a sorted set of maximal snapshots.
func (w *work) state(heads []object.ID) (memoised, error) {
	if len(heads) == 0 {
		id, plain := object.EmptyTree(w.Hash)
		_, err := w.over.Put(w.ctx, object.KindTree, plain)
		return memoised{root: id}, err
	}
	first, err := w.snapshot(heads[0])
	if err != nil {
		return memoised{}, err
	}
	if len(heads) == 1 {
		return memoised{root: first.Root, conflicts: first.Conflicts}, nil
	}
	if err := w.check(); err != nil {
		return memoised{}, err
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
	acc, err := w.fold(heads, first.Root)
	if err != nil {
		return memoised{}, err
	}
	if acc.objects = w.objects(); len(acc.objects) <= maxObjects {
		w.memo.keep(key, acc)
	}
	return acc, nil
}

// fold merges the trees of sorted heads one after the other, each by what it
// and all before it have seen.
func (w *work) fold(heads []object.ID, root object.ID) (memoised, error) {
	acc := memoised{root: root}
	var disputes []conflict
	seen := newAncestry(w.history, heads[0])
	for i := 1; i < len(heads); i++ {
		s, err := w.snapshot(heads[i])
		if err != nil {
			return memoised{}, err
		}
		common, err := w.bases(seen, heads[i])
		if err != nil {
			return memoised{}, err
		}
		seen.extend(heads[i])
		base, err := w.base(common, heads[:i], s)
		if err != nil {
			return memoised{}, err
		}
		t := &three{work: w}
		if acc.root, err = t.trees(base, acc.root, s.Root); err != nil {
			return memoised{}, err
		}
		disputes = append(disputes, t.conflicts...)
		acc.notices = append(acc.notices, t.notices...)
	}
	var err error
	acc.conflicts, err = w.records(heads, acc.root, disputes)
	return acc, err
}

// Three merges two trees by their base; the zero id is an empty tree.
func Three(ctx context.Context, env Env, base, ours, theirs object.ID) (Result, error) {
	return run(&three{work: newWork(ctx, env)}, base, ours, theirs)
}

// Scanned merges what was found on a disk with what the disk was being given,
// by what is known to have arrived there. A step of an interrupted apply that
// nobody wrote down is no statement of a person: a conflict copy that only
// the given tree has stays when its original was found as it was given, there
// or, moved since, at another path.
func Scanned(ctx context.Context, env Env, materialised, scanned, given object.ID) (Result, error) {
	return run(&three{work: newWork(ctx, env), applied: true}, materialised, scanned, given)
}

func run(t *three, base, ours, theirs object.ID) (Result, error) {
	if err := t.check(); err != nil {
		return Result{}, fmt.Errorf("merge: %w", err)
	}
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
