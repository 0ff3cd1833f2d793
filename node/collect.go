package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/bsvsync/bsv/object"
)

// noter hands on what it reads and notes the ids.
type noter struct {
	object.Getter
	note func(object.ID)
}

func (t *noter) Get(ctx context.Context, id object.ID) ([]byte, error) {
	b, err := t.Getter.Get(ctx, id)
	if err == nil {
		t.note(id)
	}
	return b, err
}

// collector enumerates the objects that somebody who has some snapshots needs
// for others: children first, cost ∝ what differs.
type collector struct {
	ctx  context.Context
	v    *vault
	have map[object.ID]bool // snapshots
	base object.ID          // a tree that the other side has
	sent map[object.ID]bool
	away *moved // what may have moved within the snapshot that is being walked
	out  []object.ID
	emit func([]object.ID) error
}

// collectBatch is how many ids are handed on at once.
const collectBatch = 8192

// collect calls emit with the ids in batches. Roots that are not here, or
// below which something is not what its link says, are returned.
func collect(ctx context.Context, v *vault, want, have []object.ID, emit func([]object.ID) error) (absent []object.ID, err error) {
	c := &collector{ctx: ctx, v: v, have: map[object.ID]bool{}, sent: map[object.ID]bool{}, emit: emit}
	todo := []object.ID{}
	for _, h := range have {
		if s, err := object.GetSnapshot(ctx, v.repo, h); err == nil {
			todo = append(todo, h)
			if c.base.IsZero() {
				c.base = s.Root
			}
		} else if !errors.Is(err, object.ErrMissing) && !isBroken(err) {
			return nil, err
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c.have[id] {
			continue
		}
		c.have[id] = true
		s, err := object.GetSnapshot(ctx, v.repo, id)
		if errors.Is(err, object.ErrMissing) || isBroken(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		todo = append(todo, s.Parents...)
	}
	for _, id := range want {
		b, err := v.repo.Get(ctx, id)
		if errors.Is(err, object.ErrMissing) {
			absent = append(absent, id)
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, err := object.DecodeSnapshot(b); err != nil { // settings
			if err := c.add(id); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.snapshots(id); isBroken(err) { // somebody else's work: there is nothing to give
			absent = append(absent, id)
		} else if err != nil {
			return nil, err
		}
	}
	return absent, c.flush()
}

func (c *collector) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	out := c.out
	c.out = nil
	return c.emit(out)
}

func (c *collector) add(id object.ID) error {
	if c.sent[id] {
		return nil
	}
	c.sent[id] = true
	c.out = append(c.out, id)
	if len(c.out) >= collectBatch {
		return c.flush()
	}
	return nil
}

// snapshots adds a snapshot after its ancestors.
func (c *collector) snapshots(head object.ID) error {
	type frame struct {
		id   object.ID
		s    object.Snapshot
		next int
	}
	push := func(stack []frame, id object.ID) ([]frame, error) {
		if c.have[id] {
			return stack, nil
		}
		c.have[id] = true
		s, err := object.GetSnapshot(c.ctx, c.v.repo, id)
		if errors.Is(err, object.ErrMissing) {
			return stack, nil
		}
		return append(stack, frame{id: id, s: s}), err
	}
	stack, err := push(nil, head)
	if err != nil {
		return err
	}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next < len(f.s.Parents) {
			p := f.s.Parents[f.next]
			f.next++
			if stack, err = push(stack, p); err != nil {
				return err
			}
			continue
		}
		if err := c.one(f.id, f.s); err != nil {
			return err
		}
		stack = stack[:len(stack)-1]
	}
	return nil
}

func (c *collector) one(id object.ID, s object.Snapshot) error {
	base := c.base
	if len(s.Parents) > 0 {
		if p, err := object.GetSnapshot(c.ctx, c.v.repo, s.Parents[0]); err == nil {
			base = p.Root
		}
	}
	for _, root := range []object.ID{s.Base, s.Root} {
		if root.IsZero() {
			continue
		}
		c.away = &moved{ctx: c.ctx, g: c.v.repo, have: base, want: root}
		if err := c.tree(base, root, 0); err != nil {
			return err
		}
		base = root
	}
	c.away = nil
	for _, k := range s.Conflicts {
		for _, side := range k.Sides {
			if err := c.content(nil, side.Entry, 0); err != nil {
				return err
			}
		}
	}
	return c.add(id)
}

func (c *collector) tree(have, want object.ID, depth int) error {
	if have == want || c.sent[want] {
		return nil
	}
	if depth > object.MaxDepth {
		return fmt.Errorf("%w: a path of more than %d components", object.ErrLimit, object.MaxDepth)
	}
	var nodes []object.ID
	rec := &noter{c.v.repo, func(id object.ID) { nodes = append(nodes, id) }}
	for ch, err := range object.DiffTreeOf(c.ctx, c.v.repo, rec, have, want) {
		if errors.Is(err, object.ErrMissing) {
			return nil // a provider gives what it has
		}
		if err != nil {
			return err
		}
		if ch.B == nil {
			continue
		}
		if ch.B.Xattrs.Kind == object.KindChunk && (ch.A == nil || ch.A.Xattrs != ch.B.Xattrs) {
			if err := c.add(ch.B.Xattrs.ID); err != nil {
				return err
			}
		}
		if ch.B.Kind == object.Dir {
			var below object.ID
			if ch.A != nil && ch.A.Kind == object.Dir {
				below = ch.A.Tree
			} else if was, err := c.away.had(ch.B.Tree); err != nil || was {
				if err != nil {
					return err
				}
				continue
			}
			if err := c.tree(below, ch.B.Tree, depth+1); err != nil {
				return err
			}
			continue
		}
		if ch.A != nil && ch.A.SameContent(*ch.B) {
			continue
		}
		if err := c.content(ch.A, *ch.B, depth); err != nil {
			return err
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if err := c.add(nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// content adds what an entry holds and the one that it replaces, if it does,
// does not.
func (c *collector) content(have *object.Entry, e object.Entry, depth int) error {
	if e.Xattrs.Kind == object.KindChunk {
		if err := c.add(e.Xattrs.ID); err != nil {
			return err
		}
	}
	if e.Kind == object.Dir {
		return c.tree(object.ID{}, e.Tree, depth+1)
	}
	if e.Content.Kind == 0 || c.sent[e.Content.ID] {
		return nil
	}
	if was, err := c.away.had(e.Content.ID); err != nil || was {
		return err
	}
	switch e.Content.Kind {
	case object.KindChunk:
		return c.add(e.Content.ID)
	case object.KindList:
		var nodes []object.ID
		rec := &noter{c.v.repo, func(id object.ID) { nodes = append(nodes, id) }}
		pieces := object.Chunks(c.ctx, rec, e.Content.ID, e.Size)
		if have != nil && have.Content.Kind == object.KindList {
			pieces = object.DiffList(c.ctx, c.v.repo, rec, have.Content.ID, e.Content.ID, e.Size)
		}
		for p, err := range pieces {
			if errors.Is(err, object.ErrMissing) {
				return nil
			}
			if err == nil {
				err = c.add(p.ID)
			}
			if err != nil {
				return err
			}
		}
		for i := len(nodes) - 1; i >= 0; i-- {
			if err := c.add(nodes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
