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

func setOf(ids []object.ID) idSet {
	set := make(idSet, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func (s idSet) sorted() []object.ID {
	out := make([]object.ID, 0, len(s))
	for id := range s {
		out = append(out, id)
	}
	return sortIDs(out)
}

// history reads the graph of snapshots.
type history struct {
	ctx  context.Context
	get  object.Getter
	memo *Memo
}

func newHistory(ctx context.Context, g object.Getter, m *Memo) *history {
	if m == nil {
		m = NewMemo()
	}
	return &history{ctx, g, m}
}

func (y *history) snapshot(id object.ID) (object.Snapshot, error) {
	return y.memo.snapshot(y.ctx, y.get, id)
}

// walk visits the given snapshots and what they have seen, each once. Where
// visit says no, it goes no further down.
func (y *history) walk(from []object.ID, visit func(object.ID) bool) error {
	seen := idSet{}
	todo := slices.Clone(from)
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		if !visit(id) {
			continue
		}
		s, err := y.snapshot(id)
		if err != nil {
			return err
		}
		todo = append(todo, s.Parents...)
	}
	return nil
}

// ancestors returns the snapshots that a set has seen, itself included.
func (y *history) ancestors(set []object.ID) (idSet, error) {
	seen := idSet{}
	err := y.walk(set, func(id object.ID) bool {
		seen[id] = true
		return true
	})
	return seen, err
}

// maximal returns those of a set of snapshots that no other of the set has
// seen, sorted. What lies between them is followed, in the set or not.
func (y *history) maximal(set idSet) ([]object.ID, error) {
	ids := set.sorted()
	if len(ids) < 2 {
		return ids, nil
	}
	var parents []object.ID
	for _, id := range ids {
		s, err := y.snapshot(id)
		if err != nil {
			return nil, err
		}
		parents = append(parents, s.Parents...)
	}
	below, err := y.ancestors(parents)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(id object.ID) bool { return below[id] }), nil
}

// Heads returns the maximal ones of some snapshots: none an ancestor of
// another, sorted by id.
func Heads(ctx context.Context, env Env, candidates []object.ID) ([]object.ID, error) {
	out, err := newHistory(ctx, env.Get, env.Memo).maximal(setOf(candidates))
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	return out, nil
}

// Seen reports for each of some snapshots whether the set has seen it.
func Seen(ctx context.Context, env Env, set, of []object.ID) ([]bool, error) {
	anc, err := newHistory(ctx, env.Get, env.Memo).ancestors(set)
	if err != nil {
		return nil, fmt.Errorf("ancestors: %w", err)
	}
	out := make([]bool, len(of))
	for i, id := range of {
		out[i] = anc[id]
	}
	return out, nil
}
