package node

import (
	"context"

	"github.com/bsvsync/bsv/object"
)

// moved tells what stands at a new place in a tree and stood at another in
// those before: whoever has them needs nothing of it. The nil moved knows
// nothing.
type moved struct {
	ctx   context.Context
	g     object.Getter
	have  []object.ID
	want  object.ID
	ids   map[object.ID]bool // trees and contents that are no more where they were; nil: not looked for yet
	pairs map[[2]object.ID]bool
}

// maxMoved bounds what is remembered of a snapshot: after so much only the
// traffic grows.
const maxMoved = 1 << 18

// had reports whether a tree or content stood elsewhere. The first question
// costs a walk over what differs.
func (m *moved) had(id object.ID) (bool, error) {
	if m == nil {
		return false, nil
	}
	if m.ids == nil {
		m.ids, m.pairs = map[object.ID]bool{}, map[[2]object.ID]bool{}
		for _, have := range m.have {
			if err := m.walk(have, m.want, 0); err != nil {
				return false, err
			}
		}
	}
	return m.ids[id], nil
}

func (m *moved) walk(have, want object.ID, depth int) error {
	k := [2]object.ID{have, want}
	if have == want || m.pairs[k] || depth > object.MaxDepth {
		return nil
	}
	m.pairs[k] = true
	for ch, err := range object.DiffTree(m.ctx, m.g, have, want) {
		if err != nil { // what cannot be read counts as new
			return m.ctx.Err()
		}
		if len(m.ids) >= maxMoved {
			return nil
		}
		switch {
		case ch.A == nil:
		case ch.A.Kind == object.Dir:
			m.ids[ch.A.Tree] = true
			var below object.ID
			if ch.B != nil && ch.B.Kind == object.Dir {
				below = ch.B.Tree
			}
			if err := m.walk(ch.A.Tree, below, depth+1); err != nil {
				return err
			}
		case ch.A.Content.Kind != 0:
			m.ids[ch.A.Content.ID] = true
		}
	}
	return nil
}
