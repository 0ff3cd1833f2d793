package merge

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/object"
)

func sortIDs(ids []object.ID) []object.ID {
	out := slices.Clone(ids)
	slices.SortFunc(out, func(a, b object.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

type idSet map[object.ID]bool

// ancestors returns the snapshots that a set has seen, itself included.
func (w *work) ancestors(set []object.ID) (idSet, error) {
	seen := idSet{}
	todo := slices.Clone(set)
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		s, err := w.memo.snapshot(w.ctx, w.Get, id)
		if err != nil {
			return nil, err
		}
		todo = append(todo, s.Parents...)
	}
	return seen, nil
}

// maximal returns those of a set of snapshots that no other of the set has
// seen. The set is closed or not: what lies between is followed.
func (w *work) maximal(set idSet) ([]object.ID, error) {
	below := idSet{}
	var todo []object.ID
	for id := range set {
		s, err := w.memo.snapshot(w.ctx, w.Get, id)
		if err != nil {
			return nil, err
		}
		todo = append(todo, s.Parents...)
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if below[id] {
			continue
		}
		below[id] = true
		s, err := w.memo.snapshot(w.ctx, w.Get, id)
		if err != nil {
			return nil, err
		}
		todo = append(todo, s.Parents...)
	}
	var out []object.ID
	for id := range set {
		if !below[id] {
			out = append(out, id)
		}
	}
	return sortIDs(out), nil
}

// Heads returns the maximal ones of some snapshots: none an ancestor of
// another, sorted by id.
func Heads(ctx context.Context, env Env, candidates []object.ID) ([]object.ID, error) {
	w := newWork(ctx, env)
	set := idSet{}
	for _, id := range candidates {
		set[id] = true
	}
	out, err := w.maximal(set)
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	return out, nil
}

// Seen reports for each of some snapshots whether the set has seen it.
func Seen(ctx context.Context, env Env, set, of []object.ID) ([]bool, error) {
	w := newWork(ctx, env)
	anc, err := w.ancestors(set)
	if err != nil {
		return nil, fmt.Errorf("ancestors: %w", err)
	}
	out := make([]bool, len(of))
	for i, id := range of {
		out[i] = anc[id]
	}
	return out, nil
}

// bases returns the maximal common ancestors of two sets.
func (w *work) bases(a, b []object.ID) ([]object.ID, error) {
	x, err := w.ancestors(a)
	if err != nil {
		return nil, err
	}
	y, err := w.ancestors(b)
	if err != nil {
		return nil, err
	}
	both := idSet{}
	for id := range x {
		if y[id] {
			both[id] = true
		}
	}
	return w.maximal(both)
}
