package merge

import (
	"slices"

	"github.com/bsvsync/bsv/object"
)

// bases returns the maximal common ancestors of a set that has seen what the
// left side of a walk has, and of a snapshot.
func (y *history) bases(left *ancestry, id object.ID) ([]object.ID, error) {
	if err := left.against(id); err != nil {
		return nil, err
	}
	return y.maximal(left.common())
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
