package merge

import (
	"bytes"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// conflict is one dispute, before it is known who brought which side.
type conflict struct {
	path   string
	kind   string
	base   *object.Entry
	sides  []object.Entry // winner first
	copies []string
}

func (c conflict) record() object.Conflict {
	r := object.Conflict{Path: c.path, Type: c.kind, Base: c.base, Copies: c.copies}
	for _, e := range c.sides {
		r.Sides = append(r.Sides, object.Side{Entry: e})
	}
	return r
}

// records unites the records of all heads with those of this merge, and keeps
// those of which a copy still exists in the result.
func (w *work) records(heads []object.ID, root object.ID, fresh []conflict) ([]object.Conflict, error) {
	var all []object.Conflict
	for _, h := range heads {
		s, err := w.memo.snapshot(w.ctx, w.Get, h)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Conflicts...)
	}
	for _, c := range fresh {
		r := c.record()
		for i := range r.Sides {
			if err := w.attribute(heads, c.path, &r.Sides[i]); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	var kept []object.Conflict
	for _, c := range object.SortConflicts(all) {
		alive := false
		for _, p := range c.Copies {
			_, ok, err := object.LookupPath(w.ctx, w.over, root, p)
			if err != nil {
				return nil, err
			}
			alive = alive || ok
		}
		if alive {
			kept = append(kept, c)
		}
	}
	return unitePaths(kept), nil
}

// attribute names the snapshot with the smallest id that holds a side.
func (w *work) attribute(heads []object.ID, path string, side *object.Side) error {
	for _, h := range heads { // sorted
		s, err := w.memo.snapshot(w.ctx, w.Get, h)
		if err != nil {
			return err
		}
		e, ok, err := object.LookupPath(w.ctx, w.over, s.Root, path)
		if err != nil {
			return err
		}
		if ok && e.SameContent(side.Entry) {
			side.Snapshot, side.Device, side.Time = h, s.Device, s.Time
			return nil
		}
	}
	return nil
}

// unitePaths makes one record of several about the same path and copies: the
// first in canonical order stands for them.
func unitePaths(list []object.Conflict) []object.Conflict {
	return slices.CompactFunc(list, func(a, b object.Conflict) bool {
		return a.Path == b.Path && slices.Equal(a.Copies, b.Copies) && sameSides(a, b)
	})
}

func sameSides(a, b object.Conflict) bool {
	return slices.EqualFunc(a.Sides, b.Sides, func(x, y object.Side) bool {
		return x.Entry.SameContent(y.Entry) && bytes.Equal([]byte(x.Entry.Name), []byte(y.Entry.Name))
	})
}
