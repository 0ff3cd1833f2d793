package node

import (
	"context"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// editState takes a snapshot of the disk, changes the state by change, writes
// that as a snapshot and applies it. Its consent is for what change does, not
// for what waits already. The caller holds n.work.
func (n *Node) editState(ctx context.Context, v *vault, msg string, dry bool, change func(root object.ID) (object.ID, error)) (applied, error) {
	if dry {
		return n.foresee(ctx, v, change)
	}
	t, err := n.takeSnapshot(ctx, v, "", nil, nil)
	if err != nil {
		return applied{}, err
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return applied{}, err
	}
	st, err := n.state(ctx, v, h)
	if err != nil {
		return applied{}, err
	}
	root, err := change(st.Root)
	if err != nil {
		return applied{}, err
	}
	if root == st.Root { // but the disk may not have been given it yet
		out, err := n.applyState(ctx, v, false)
		out.problems = append(t.problems, out.problems...)
		return out, err
	}
	d := worktree.Decision{Kind: worktree.Write, Tree: root, Base: st.Root, Conflicts: st.Conflicts}
	d.Conflicts, err = alive(ctx, v, d.Conflicts, root)
	if err != nil {
		return applied{}, err
	}
	// The disk was given what it was given: A stays until the apply begins.
	asked := func([]object.ID) error { return n.ask(ctx, v, edit{st.Root, root}) }
	if _, err := n.writeSnapshot(ctx, v, d, h, msg, asked); err != nil {
		return applied{}, err
	}
	out, err := n.applyState(ctx, v, false)
	out.problems = append(t.problems, out.problems...)
	return out, err
}

func alive(ctx context.Context, v *vault, list []object.Conflict, root object.ID) ([]object.Conflict, error) {
	var out []object.Conflict
	for _, c := range list {
		for _, p := range c.Copies {
			_, ok, err := object.LookupPath(ctx, v.repo, root, p)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, c)
				break
			}
		}
	}
	return out, nil
}
