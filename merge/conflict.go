package merge

import (
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
		s, err := w.snapshot(h)
		if err != nil {
			return nil, err
		}
		all = append(all, cloneConflicts(s.Conflicts)...)
	}
	for _, c := range fresh {
		r := c.record()
		for i := range r.Sides {
			if err := w.attribute(heads, c, &r.Sides[i]); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	var kept []object.Conflict
	for _, c := range object.SortConflicts(all) {
		for _, p := range c.Copies {
			_, ok, err := object.LookupPath(w.ctx, w.over, root, p)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, c)
				break
			}
		}
	}
	return unitePaths(kept), nil
}

// attribute names the head with the smallest id that holds a side: at the
// name in dispute, or, when an earlier step of the fold made a copy there, at
// the name that it is a copy of. A directory has been merged on the way, so
// any directory there stands for it.
func (w *work) attribute(heads []object.ID, c conflict, side *object.Side) error {
	paths := []string{c.path}
	dir, name := object.SplitPath(c.path)
	if orig, ok := Original(name); ok {
		paths = append(paths, object.JoinPath(dir, orig))
	}
	for _, path := range paths {
		for _, h := range heads { // sorted
			s, err := w.snapshot(h)
			if err != nil {
				return err
			}
			e, ok, err := object.LookupPath(w.ctx, w.over, s.Root, path)
			if err != nil {
				return err
			}
			if ok && (e.SameContent(side.Entry) || e.Kind == object.Dir && side.Entry.Kind == object.Dir) {
				side.Snapshot, side.Device, side.Time = h, s.Device, s.Time
				return nil
			}
		}
	}
	return nil
}

// unitePaths makes one record of several about the same dispute: the first in
// canonical order stands for them. The list is sorted by path.
func unitePaths(list []object.Conflict) []object.Conflict {
	var out []object.Conflict
	first := 0 // of this path, in out
	for _, c := range list {
		if len(out) > 0 && out[len(out)-1].Path != c.Path {
			first = len(out)
		}
		same := func(o object.Conflict) bool {
			return o.Type == c.Type && slices.Equal(o.Copies, c.Copies) && slices.EqualFunc(o.Sides, c.Sides, sameSide)
		}
		if !slices.ContainsFunc(out[first:], same) {
			out = append(out, c)
		}
	}
	return out
}

func sameSide(a, b object.Side) bool {
	return a.Entry.Name == b.Entry.Name && a.Entry.SameContent(b.Entry)
}
