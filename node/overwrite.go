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
	many bool      // the names at the top are the named paths; the filter begins anew in each
}

// overwriteWith is the tree that a directory shall hold after a restore over
// it. With a filter --delete reaches what the filter chooses, and of that only
// what the snapshot does not hold.
func (n *Node) overwriteWith(ctx context.Context, v *vault, have object.ID, w wanted, r RestoreRequest) (object.ID, object.Summary, error) {
	if !r.Delete || len(r.Include) == 0 && len(r.Exclude) == 0 {
		return n.overwrite(ctx, v, have, w.tree, r)
	}
	r.Delete = false
	tree, _, err := n.overwrite(ctx, v, have, w.tree, r)
	if err != nil {
		return object.ID{}, object.Summary{}, err
	}
	return n.deleteChosen(ctx, v, tree, w, nil, worktree.NewFilter(r.Include, r.Exclude), false)
}

// deleteChosen takes out of a directory what a filter chooses and full does not hold.
// whole says that the directory itself was chosen.
func (n *Node) deleteChosen(ctx context.Context, v *vault, have object.ID, w wanted, path []string, keep worktree.Filter, whole bool) (object.ID, object.Summary, error) {
	inside := keep
	if whole {
		inside = keep.Inside()
	}
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, v.repo, have, w.full) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if c.A == nil || c.B != nil && (c.A.Kind != object.Dir || c.B.Kind != object.Dir) {
			continue
		}
		p := append(path[:len(path):len(path)], c.Name)
		in, below := inside.Match(p, c.A.Kind == object.Dir)
		next := wanted{}
		if c.B != nil {
			if next.full = c.B.Tree; w.many {
				p, in, below = nil, false, true
			}
		}
		switch {
		case !in && !below:
		case c.A.Kind != object.Dir:
			if in {
				edits = append(edits, object.Edit{Name: c.Name})
			}
		default:
			id, sum, err := n.deleteChosen(ctx, v, c.A.Tree, next, p, inside, in)
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
	return object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, have, edits)
}
