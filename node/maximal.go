package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// maximal knows which of the heads that records name no other has seen. Heads
// only grow, so that a new one is compared with those alone: however long the
// history is, and however far behind a device's last head that makes none. What
// it knows stays true, and is kept for the next start. The view's lock guards it.
type maximal struct {
	state *home.State
	of    map[object.ID]bool // what was compared
	heads []object.ID        // the maximal ones of it, sorted
}

const maximalKey = "maximal" // how many are maximal, these, the others

func loadMaximal(state *home.State) (*maximal, error) {
	m := &maximal{state: state, of: map[object.ID]bool{}}
	b, err := state.Value(maximalKey)
	if err != nil {
		return nil, fmt.Errorf("load heads: %w", err)
	}
	const size = len(object.ID{})
	if len(b)%size != 1 || int(b[0]) > len(b)/size {
		return m, nil // none, or not ours
	}
	n, b := int(b[0]), b[1:]
	for ; len(b) > 0; b = b[size:] {
		id := object.ID(b[:size])
		m.of[id] = true
		if len(m.heads) < n {
			m.heads = append(m.heads, id)
		}
	}
	return m, nil
}

// update returns the maximal ones of some heads that are complete here.
func (m *maximal) update(ctx context.Context, env merge.Env, heads []object.ID) ([]object.ID, error) {
	of := map[object.ID]bool{}
	for _, id := range heads {
		of[id] = true
	}
	var more []object.ID
	for id := range of {
		if !m.of[id] {
			more = append(more, id)
		}
	}
	isOut := func(id object.ID) bool { return !of[id] }
	if len(more) == 0 && len(of) == len(m.of) {
		return m.heads, nil
	}
	out, err := merge.Join(ctx, env, m.heads, more)
	if err != nil || slices.ContainsFunc(out, isOut) { // a head has gone, and none that has seen it is here
		out, err = merge.Heads(ctx, env, heads)
	}
	if err != nil {
		return nil, err
	}
	m.of, m.heads = of, out
	return out, m.note()
}

// note keeps what is known for the next start, which is only slower without.
func (m *maximal) note() error {
	if len(m.heads) > 255 {
		return nil
	}
	b := []byte{byte(len(m.heads))}
	for _, id := range m.heads {
		b = append(b, id[:]...)
	}
	for id := range m.of {
		if !slices.Contains(m.heads, id) {
			b = append(b, id[:]...)
		}
	}
	return m.state.NoteValue(maximalKey, b)
}
