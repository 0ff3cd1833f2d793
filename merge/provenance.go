package merge

import "github.com/bsvsync/bsv/object"

// outlived is rule 9: a conflict copy that only one side has, of a content
// that the base held at the original name, where the other side has moved on
// without keeping that content anywhere new. It was made of a version that
// the other side saw and replaced, so it goes.
func (d *dirMerge) outlived(name string, e object.Entry, ours bool) (bool, error) {
	n := d.names[name]
	orig, ok := Original(name)
	if !ok || n.b != nil || e.Kind == object.Dir {
		return false, nil
	}
	b, ok, err := object.Lookup(d.ctx, d.over, d.base, orig)
	if err != nil || !ok || !b.SameContent(e) {
		return false, err
	}
	other, side := d.theirs, 1
	if !ours {
		other, side = d.ours, 0
	}
	o, ok, err := object.Lookup(d.ctx, d.over, other, orig)
	if err != nil || ok && o.SameContent(e) {
		return false, err
	}
	if d.applied && !ours {
		given, there, err := object.Lookup(d.ctx, d.over, d.theirs, orig)
		begun := there && ok && given.Kind == object.Dir && o.Kind == object.Dir // made, and not filled yet
		if err != nil || begun || there == ok && (!ok || given.SameContent(o)) {
			return false, err
		}
		// The person may have moved it since: that it is on the disk at all
		// says that the step was done.
		found, err := d.contentsAdded(0)
		if err != nil || there && given.Kind != object.Dir && found[given.Digest(d.Hash)] {
			return false, err
		}
	}
	added, err := d.contentsAdded(side)
	if err != nil {
		return false, err
	}
	return !added[e.Digest(d.Hash)], nil
}

// contentsAdded is the set of contents that a side holds at paths where the
// base does not hold them.
func (t *three) contentsAdded(side int) (idSet, error) {
	if t.added[side] != nil {
		return t.added[side], nil
	}
	set := idSet{}
	for c, err := range object.Diff(t.ctx, t.over, t.roots[0], t.roots[1+side]) {
		if err != nil {
			return nil, err
		}
		if c.B != nil && c.B.Kind != object.Dir && (c.A == nil || !c.A.SameContent(*c.B)) {
			set[c.B.Digest(t.Hash)] = true
		}
	}
	t.added[side] = set
	return set, nil
}
