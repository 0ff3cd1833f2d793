package node

import (
	"context"
	"slices"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// foresee finds out what editState would do to the disk: with the snapshot that
// it would take before, which nobody writes. The caller holds n.work.
func (n *Node) foresee(ctx context.Context, v *vault, change func(root object.ID) (object.ID, error)) (applied, error) {
	var out applied
	if err := v.mayWrite(); err != nil {
		return out, err
	}
	defer n.storeNothing(v)()
	g, err := n.given(ctx, v)
	if err != nil {
		return out, err
	}
	scans, bad, err := n.scan(ctx, v, &g, nil, nil)
	if err == nil {
		err = n.whole(ctx, v)
	}
	if err != nil {
		return out, n.named(ctx, v, err)
	}
	out.problems = bad
	h, _, err := v.view.H(ctx)
	if err != nil {
		return out, err
	}
	st, err := n.stateAfter(ctx, v, situation(v, g.A, h, scans))
	if err != nil {
		return out, err
	}
	root, err := change(st.Root)
	if err != nil {
		return out, err
	}
	c, err := n.consent(ctx, v, false)
	if err != nil {
		return out, err
	}
	if root != st.Root {
		c.edits = append(c.edits, edit{st.Root, root})
	}
	for _, s := range scans {
		want, err := subtree(ctx, v, root, s.m.Path)
		if err != nil {
			return out, err
		}
		old, err := n.lookback(s.m.Path)
		if err != nil {
			return out, err
		}
		why, _, err := n.weigh(ctx, v, s.m, s.r.Tree, want, c, old)
		if err == nil && why != (verdict{}) {
			want, err = n.askedPart(ctx, v, s.m, s.r.Tree, c)
		}
		if err != nil {
			return out, err
		}
		sum, list, err := effects(ctx, v.repo, v.repo, s.m, s.r.Tree, want, true)
		if err != nil {
			return out, err
		}
		out.change.Created += sum.Created
		out.change.Updated += sum.Updated
		out.change.Deleted += sum.Deleted
		out.changes = append(out.changes, list...)
	}
	return out, nil
}

// situation is what a device knows when it has scanned.
func situation(v *vault, a, h []object.ID, scans []scanOf) worktree.Situation {
	sit := worktree.Situation{Env: v.env(), A: a, H: h}
	for _, s := range scans {
		sit.Mapped = append(sit.Mapped, worktree.Mapped{Path: s.m.Path, Materialised: s.materialised, Scanned: s.r.Tree})
	}
	return sit
}

// stateAfter is the state that a snapshot of what was found would make.
func (n *Node) stateAfter(ctx context.Context, v *vault, sit worktree.Situation) (merge.Result, error) {
	d, err := worktree.Decide(ctx, sit)
	if err != nil {
		return merge.Result{}, err
	}
	if d.Kind != worktree.Write {
		return n.state(ctx, v, sit.H)
	}
	for _, o := range d.New {
		if _, err := v.repo.Put(ctx, o.Kind, o.Plain); err != nil {
			return merge.Result{}, err
		}
	}
	b, err := object.EncodeSnapshot(n.draft(v, d, sit.A, ""))
	if err != nil {
		return merge.Result{}, err
	}
	env := v.env() // the snapshot stays beside the store
	over := object.NewOverlay(env.Get, env.Hash)
	env.Get = over
	id, err := over.Put(ctx, object.KindSnapshot, b)
	if err != nil {
		return merge.Result{}, err
	}
	heads := []object.ID{id}
	for _, h := range sit.H {
		if !slices.Contains(sit.A, h) {
			heads = append(heads, h)
		}
	}
	return n.stateBy(ctx, v, env, heads)
}
