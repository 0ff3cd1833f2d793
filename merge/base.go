package merge

import (
	"slices"

	"github.com/bsvsync/bsv/object"
)

// bases returns the maximal common ancestors of a set that has seen what is
// given and another set, and what only the other set has seen. Below a
// snapshot that both have seen everything is common, so the walk ends there:
// a fold over many heads reads each snapshot once.
func (y *history) bases(seen idSet, b []object.ID) (common, fresh []object.ID, err error) {
	frontier := idSet{}
	err = y.walk(b, func(id object.ID) bool {
		if seen[id] {
			frontier[id] = true
			return false
		}
		fresh = append(fresh, id)
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	common, err = y.maximal(frontier)
	return common, fresh, err
}

// base is the root of f of what both sides have seen; the zero id when that
// is nothing, so that such a merge is a union. Snapshots on both sides whose
// parents are exactly that set, and that record the same base, carry it.
func (w *work) base(common, left []object.ID, right object.Snapshot) (object.ID, error) {
	if len(common) == 0 {
		return object.ID{}, nil
	}
	if len(left) == 1 && slices.Equal(right.Parents, common) {
		l, err := w.snapshot(left[0])
		if err != nil {
			return object.ID{}, err
		}
		if slices.Equal(l.Parents, common) && l.Base == right.Base {
			return right.Base, nil
		}
	}
	m, err := w.state(common)
	return m.root, err
}
