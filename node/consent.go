package node

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// consent is what a person said yes to: all that waits, or what edits of the
// state changed. The zero value is nothing.
type consent struct {
	all   bool
	edits []edit
}

// edit is a change of the state that a person asked for.
type edit struct {
	Before, After object.ID // roots
}

// askedKey names the edits of which the apply has not ended: a person need not
// ask again when it is interrupted.
const askedKey = "asked"

// ask notes an edit whose snapshot is in the store and not yet published: the
// number of its record is kept after it.
func (n *Node) ask(ctx context.Context, v *vault, e edit) error {
	c, err := n.consent(ctx, v, false)
	if err != nil {
		return err
	}
	b, err := json.Marshal(append(c.edits, e))
	if err != nil {
		return err
	}
	if err := n.home.State().NoteValue(askedKey, b); err != nil {
		return err
	}
	n.fault.Hit("edit.asked")
	return nil
}

// consent is the consent that a person gave so far. What cannot be read, or
// names what is not here any more, was not given.
func (n *Node) consent(ctx context.Context, v *vault, all bool) (consent, error) {
	c := consent{all: all}
	b, err := n.home.State().Value(askedKey)
	if err != nil || b == nil {
		return c, err
	}
	var edits []edit
	if json.Unmarshal(b, &edits) != nil {
		return c, nil
	}
	for _, e := range edits {
		_, err := object.Summarise(ctx, v.repo, e.Before)
		if err == nil {
			_, err = object.Summarise(ctx, v.repo, e.After)
		}
		switch {
		case err == nil:
			c.edits = append(c.edits, e)
		case !isDamage(err):
			return c, err
		}
	}
	return c, nil
}

// answered forgets the edits whose apply ended.
func (n *Node) answered(c consent) error {
	if len(c.edits) == 0 {
		return nil
	}
	n.fault.Hit("edit.applied")
	return n.home.State().NoteValue(askedKey, nil)
}

// asked says which paths of a mapping the edits changed; nil when there are
// none.
func (c consent) asked(ctx context.Context, v *vault, m worktree.Mapping) func([]string) (bool, error) {
	if len(c.edits) == 0 {
		return nil
	}
	return func(path []string) (bool, error) {
		for _, e := range c.edits {
			if yes, err := differs(ctx, v, m.Path, e.Before, e.After)(path); err != nil || yes {
				return yes, err
			}
		}
		return false, nil
	}
}

// differs says which paths below another one are not the same in two trees.
func differs(ctx context.Context, v *vault, at string, a, b object.ID) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		p := at
		for _, name := range path {
			p = object.JoinPath(p, name)
		}
		x, xok, err := object.LookupPath(ctx, v.repo, a, p)
		if err != nil {
			return false, err
		}
		y, yok, err := object.LookupPath(ctx, v.repo, b, p)
		return xok != yok || x != y, err
	}
}

// askedPart is what a mapping that waits may be given all the same: what it has
// and what the edits changed, no more.
func (n *Node) askedPart(ctx context.Context, v *vault, m worktree.Mapping, have object.ID, c consent) (object.ID, error) {
	part := have
	for _, e := range c.edits {
		before, err := subtree(ctx, v, e.Before, m.Path)
		if err != nil {
			return have, err
		}
		after, err := subtree(ctx, v, e.After, m.Path)
		if err != nil {
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
		if part, err = worktree.Advance(ctx, v.repo.Hasher(), v.repo, v.repo, part, done); err != nil {
			return have, err
		}
	}
	if part == have {
		return have, nil
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
			h, _ := n.braked(m)
			return fail(Brake, h.choice(m), "%s: the vault has it, but the directory here waits: %s", m, h.why())
		}
	}
	return nil
}
