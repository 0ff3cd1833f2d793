package node

import (
	"context"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// consent is what a person said yes to: all that waits, or what an edit of the
// state changed. The zero value is nothing.
type consent struct {
	all           bool
	before, after object.ID // roots
}

// asked says which paths the edit changed: a person asked for that.
func (c consent) asked(ctx context.Context, v *vault, m worktree.Mapping) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		p := m.Path
		for _, name := range path {
			p = object.JoinPath(p, name)
		}
		a, aok, err := object.LookupPath(ctx, v.repo, c.before, p)
		if err != nil {
			return false, err
		}
		b, bok, err := object.LookupPath(ctx, v.repo, c.after, p)
		return aok != bok || a != b, err
	}
}

// askedPart is what a mapping that waits may be given all the same: what it has
// and what the edit changed, no more.
func (n *Node) askedPart(ctx context.Context, v *vault, m worktree.Mapping, have object.ID, c consent) (object.ID, error) {
	if c.before == c.after {
		return have, nil
	}
	before, err := subtree(ctx, v, c.before, m.Path)
	if err != nil {
		return have, err
	}
	after, err := subtree(ctx, v, c.after, m.Path)
	if err != nil || before == after {
		return have, err
	}
	var done []worktree.Step
	for s, err := range worktree.Plan(ctx, v.repo, before, after) {
		if err != nil {
			return have, err
		}
		if s.Op != worktree.OpRmdir { // what others deleted may still be in it
			done = append(done, s)
		}
	}
	part, err := worktree.Advance(ctx, v.repo.Hasher(), v.repo, v.repo, have, done)
	if err != nil {
		return have, err
	}
	l, err := worktree.Weigh(ctx, v.repo, v.repo, m, have, part, c.asked(ctx, v, m))
	if err != nil || l.Deleted > 0 {
		return have, err
	}
	return part, nil
}

// heldBack is the error that what an edit was to make of some paths is in the
// vault, but not on the disk: it waits with what other devices did.
func (n *Node) heldBack(ctx context.Context, v *vault, a applied, paths ...string) error {
	if len(a.braked) == 0 {
		return nil
	}
	g, err := n.given(ctx, v)
	if err != nil {
		return err
	}
	st, err := n.latest(ctx, v)
	if err != nil {
		return err
	}
	for _, m := range a.braked {
		for _, p := range paths {
			if !object.Within(m, p) {
				if !object.Within(p, m) {
					continue
				}
				is, ok, err := object.LookupPath(ctx, v.repo, g.Materialised[m], "/"+strings.TrimPrefix(strings.TrimPrefix(p, m), "/"))
				if err != nil {
					return err
				}
				shall, want, err := object.LookupPath(ctx, v.repo, st.root, p)
				if err != nil {
					return err
				}
				if ok == want && is.SameContent(shall) {
					continue
				}
			}
			return fail(Brake, "look at it: bsv diff; then: bsv sync --accept-deletes", "%s: the vault has it, but the directory here waits: %s", m, n.whyBraked(m))
		}
	}
	return nil
}
