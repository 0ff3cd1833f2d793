package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/merge"
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
	base object.ID       // a tree that the other side has
	sent map[uint64]bool // by the beginning of the ids: what is left out by chance the other side asks for
	away *moved          // what may have moved within the snapshot that is being walked
	out  []object.ID
	most int // in out
	emit func([]object.ID) error
}

// collectBatch is how many ids are usually handed on at once.
const collectBatch = 8192

// collect calls emit with the ids in batches of at most so many. Roots that are not here, or
// below which something is not what its link says, are returned.
func collect(ctx context.Context, v *vault, want, have []object.ID, most int, emit func([]object.ID) error) (absent []object.ID, err error) {
	c := &collector{ctx: ctx, v: v, sent: map[uint64]bool{}, most: most, emit: emit}
	for _, h := range have {
		if s, err := object.GetSnapshot(ctx, v.repo, h); err == nil {
			c.base = s.Root
			break
		} else if !errors.Is(err, object.ErrMissing) && !isBroken(err) {
			return nil, err
		}
	}
	unseen := merge.NewUnseen(ctx, v.env(), have)
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
		due, err := unseen.Add(id)
		if err == nil {
			err = c.snapshots(id, due)
		}
		if isBroken(err) { // somebody else's work: there is nothing to give
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
	if c.sent[short(id)] {
		return nil
	}
	c.sent[short(id)] = true
	c.out = append(c.out, id)
	if len(c.out) >= c.most {
		return c.flush()
	}
	return nil
}

// snapshots adds those of a snapshot and its ancestors that are due, each after
// its own.
func (c *collector) snapshots(head object.ID, ids []object.ID) error {
	due := make(map[object.ID]bool, len(ids))
	for _, id := range ids {
		due[id] = true
	}
	type frame struct {
		id   object.ID
		s    object.Snapshot
		next int
	}
	push := func(stack []frame, id object.ID) ([]frame, error) {
		if !due[id] {
			return stack, nil
		}
		delete(due, id)
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

// maxBases bounds with how many trees another is compared: beyond them only
// the traffic grows.
const maxBases = 16

// parents are those of a snapshot that can be read. Whoever is given the
// snapshot has them, or is given them before it.
func (c *collector) parents(s object.Snapshot) ([]object.Snapshot, error) {
	var out []object.Snapshot
	for _, id := range s.Parents {
		p, err := object.GetSnapshot(c.ctx, c.v.repo, id)
		if err == nil {
			out = append(out, p)
		}
		if c.ctx.Err() != nil {
			return nil, c.ctx.Err()
		}
		if len(out) == maxBases {
			break
		}
	}
	return out, nil
}

func (c *collector) one(id object.ID, s object.Snapshot) error {
	parents, err := c.parents(s)
	if err != nil {
		return err
	}
	var bases []object.ID
	for _, p := range parents {
		bases = append(bases, p.Root)
	}
	if len(parents) == 0 && !c.base.IsZero() {
		bases = append(bases, c.base)
	}
	for _, root := range []object.ID{s.Base, s.Root} {
		if root.IsZero() {
			continue
		}
		c.away = &moved{ctx: c.ctx, g: c.v.repo, have: bases, want: root}
		if err := c.tree(bases, root, 0); err != nil {
			return err
		}
		bases = append([]object.ID{root}, bases...)
	}
	c.away = nil
	if err := c.conflicts(s, parents, bases); err != nil {
		return err
	}
	return c.add(id)
}

// conflicts adds what the sides of a snapshot's conflicts hold: a conflict
// lives as long as its copy, so most stand in a parent or in the tree, too.
func (c *collector) conflicts(s object.Snapshot, parents []object.Snapshot, bases []object.ID) error {
	if len(s.Conflicts) == 0 {
		return nil
	}
	known := map[object.Content]bool{}
	trees := map[object.ID]bool{}
	for _, p := range parents {
		for _, k := range p.Conflicts {
			for _, side := range k.Sides {
				known[side.Entry.Content], known[side.Entry.Xattrs] = true, true
				trees[side.Entry.Tree] = true
			}
		}
	}
	for _, k := range s.Conflicts {
		var olds []object.Entry
		looked := false
		for _, side := range k.Sides {
			e := side.Entry
			if known[e.Content] && known[e.Xattrs] && trees[e.Tree] {
				continue
			}
			if !looked {
				looked = true
				for i, root := range bases {
					paths := []string{k.Path}
					if i == 0 {
						paths = append(paths, k.Copies[:min(len(k.Copies), maxBases)]...)
					}
					for _, path := range paths {
						if old, ok, err := object.LookupPath(c.ctx, c.v.repo, root, path); err == nil && ok {
							olds = append(olds, old)
						}
					}
				}
			}
			if err := c.entry(olds, e, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// tree adds what a tree holds at places where none of some others does.
func (c *collector) tree(have []object.ID, want object.ID, depth int) error {
	if slices.Contains(have, want) || c.sent[short(want)] {
		return nil
	}
	if depth > object.MaxDepth {
		return fmt.Errorf("%w: a path of more than %d components", object.ErrLimit, object.MaxDepth)
	}
	var first object.ID
	if len(have) > 0 {
		first = have[0]
	}
	var nodes []object.ID
	rec := &noter{c.v.repo, func(id object.ID) { nodes = append(nodes, id) }}
	for ch, err := range object.DiffTreeOf(c.ctx, c.v.repo, rec, first, want) {
		if errors.Is(err, object.ErrMissing) {
			return nil // a provider gives what it has
		}
		if err != nil {
			return err
		}
		if ch.B == nil {
			continue
		}
		var olds []object.Entry
		if ch.A != nil {
			olds = append(olds, *ch.A)
		}
		for _, h := range have[min(1, len(have)):] {
			if old, ok, err := object.Lookup(c.ctx, c.v.repo, h, ch.Name); err == nil && ok {
				olds = append(olds, old)
			}
		}
		if err := c.entry(olds, *ch.B, depth); err != nil {
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

// entry adds what an entry in a directory at some depth holds and those that
// stood in its place do not.
func (c *collector) entry(olds []object.Entry, e object.Entry, depth int) error {
	var trees []object.ID
	same, sameXattrs := false, false
	for _, old := range olds {
		same = same || old.SameContent(e)
		sameXattrs = sameXattrs || old.Xattrs == e.Xattrs
		if old.Kind == object.Dir && !slices.Contains(trees, old.Tree) {
			trees = append(trees, old.Tree)
		}
	}
	if e.Xattrs.Kind == object.KindChunk && !sameXattrs {
		if err := c.add(e.Xattrs.ID); err != nil {
			return err
		}
	}
	if same {
		return nil
	}
	if e.Kind != object.Dir {
		return c.content(olds, e)
	}
	if len(trees) == 0 {
		if was, err := c.away.had(e.Tree); err != nil || was {
			return err
		}
	}
	return c.tree(trees, e.Tree, depth+1)
}

func (c *collector) content(olds []object.Entry, e object.Entry) error {
	if e.Content.Kind == 0 || c.sent[short(e.Content.ID)] {
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
		if i := slices.IndexFunc(olds, func(o object.Entry) bool { return o.Content.Kind == object.KindList }); i >= 0 {
			pieces = object.DiffList(c.ctx, c.v.repo, rec, olds[i].Content.ID, e.Content.ID, e.Size)
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
