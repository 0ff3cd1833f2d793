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

// maximal returns those of a set of snapshots that no other of the set has
// seen, sorted. What lies between them is followed, in the set or not.
func (y *history) maximal(set idSet) ([]object.ID, error) {
	out, err := y.join(nil, set.sorted())
	return sortIDs(out), err
}

// join adds snapshots to some of which none has seen another, so that this
// holds for what it returns.
func (y *history) join(heads, more []object.ID) ([]object.ID, error) {
	a := newAncestry(y, heads...)
	for _, id := range more {
		if len(heads) == 0 {
			heads = []object.ID{id}
			a.extend(id)
			continue
		}
		if err := a.against(id); err != nil {
			return nil, err
		}
		if a.isLeft(id) {
			continue
		}
		heads = append(slices.DeleteFunc(slices.Clone(heads), a.isRight), id)
		a.extend(id)
	}
	return heads, nil
}

// Heads returns the maximal ones of some snapshots: none an ancestor of
// another, sorted by id.
func Heads(ctx context.Context, env Env, candidates []object.ID) ([]object.ID, error) {
	return Join(ctx, env, nil, candidates)
}

// Join returns the maximal ones of some heads, of which none is an ancestor of
// another, and of more snapshots, sorted by id. It reads what lies between them,
// and not what is below.
func Join(ctx context.Context, env Env, heads, more []object.ID) ([]object.ID, error) {
	out, err := newHistory(ctx, env.Get, env.Memo).join(heads, setOf(more).sorted())
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	return sortIDs(out), nil
}

// Seen reports for each of some snapshots, which may be missing themselves, or be
// something else, whether the set has seen it.
func Seen(ctx context.Context, env Env, set, of []object.ID) ([]bool, error) {
	a := newAncestry(newHistory(ctx, env.Get, env.Memo), set...)
	a.lost = true
	out := make([]bool, len(of))
	for i, id := range of {
		if err := a.against(id); err != nil {
			return nil, fmt.Errorf("ancestors: %w", err)
		}
		out[i] = a.isLeft(id)
	}
	return out, nil
}
