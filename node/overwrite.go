package node

import (
	"context"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// wanted is what a restore puts somewhere.
type wanted struct {
	tree object.ID // what the filter leaves of it
	full object.ID // all that the snapshot holds there

	unmatched []string // of --include, which nothing in full matches
}

// overwriting puts a tree over another one as a request says, and remembers
// what it left as it was.
type overwriting struct {
	s    worktree.Store // where its trees are
	r    RestoreRequest
	left []string // paths below where it began
}

// with is the tree that a directory at a path shall hold after a restore over
// it. With a filter --delete reaches what the filter chooses, and of that only
// what the snapshot does not hold.
func (o *overwriting) with(ctx context.Context, have object.ID, w wanted, path string) (object.ID, object.Summary, error) {
	if !o.r.Delete || len(o.r.Include) == 0 && len(o.r.Exclude) == 0 {
		return o.tree(ctx, have, w.tree, path, o.r.Delete)
	}
	tree, _, err := o.tree(ctx, have, w.tree, path, false)
	if err != nil {
		return object.ID{}, object.Summary{}, err
	}
	return o.deleteChosen(ctx, tree, w, nil, worktree.NewFilter(o.r.Include, o.r.Exclude), false)
}

func (o *overwriting) tree(ctx context.Context, have, want object.ID, path string, del bool) (object.ID, object.Summary, error) {
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, o.s, have, want) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		p := object.JoinPath(path, c.Name)
		switch {
		case c.B == nil:
			if del {
				edits = append(edits, object.Edit{Name: c.Name})
			}
		case c.A == nil:
			edits = append(edits, object.Edit{Name: c.Name, Entry: c.B})
		case c.A.Kind == object.Dir && c.B.Kind == object.Dir:
			id, sum, err := o.tree(ctx, c.A.Tree, c.B.Tree, p, del)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			e := *c.B
			e.Tree, e.Size = id, sum.Bytes
			edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
		case o.leaves(*c.A, *c.B, p):
		default:
			edits = append(edits, object.Edit{Name: c.Name, Entry: c.B})
		}
	}
	return object.EditTree(ctx, o.s.Hasher(), o.s, o.s, have, edits)
}

// leaves reports whether what stands at a path stays, by never or newer.
func (o *overwriting) leaves(have, want object.Entry, path string) bool {
	stays := o.r.Overwrite == "never" || o.r.Overwrite == "newer" && want.MTime <= have.MTime
	if stays && (!have.SameContent(want) || have.Mode != want.Mode || have.MTime != want.MTime) {
		o.left = append(o.left, path)
	}
	return stays
}

// deleteChosen takes out of a directory what a filter chooses and full does not hold.
// whole says that the directory itself was chosen.
func (o *overwriting) deleteChosen(ctx context.Context, have object.ID, w wanted, path []string, keep worktree.Filter, whole bool) (object.ID, object.Summary, error) {
	inside := keep
	if whole {
		inside = keep.Inside()
	}
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, o.s, have, w.full) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if c.A == nil || c.B != nil && c.A.Kind != object.Dir {
			continue
		}
		p := append(path[:len(path):len(path)], c.Name)
		in, below := inside.Match(p, c.A.Kind == object.Dir)
		next := wanted{}
		if c.B != nil && c.B.Kind == object.Dir {
			next.full = c.B.Tree
		} else if c.B != nil && in { // it took the directory's place, or was told to leave it
			continue
		}
		switch {
		case !in && !below:
		case c.A.Kind != object.Dir:
			if in {
				edits = append(edits, object.Edit{Name: c.Name})
			}
		default:
			id, sum, err := o.deleteChosen(ctx, c.A.Tree, next, p, inside, in)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			e := *c.A
			if e.Tree, e.Size = id, sum.Bytes; in && c.B == nil && sum.Entries == 0 {
				edits = append(edits, object.Edit{Name: c.Name})
			} else if e != *c.A {
				edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
			}
		}
	}
	return object.EditTree(ctx, o.s.Hasher(), o.s, o.s, have, edits)
}
