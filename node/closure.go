package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/repo"
)

// maxMissing bounds how many missing objects one look names.
const maxMissing = 4096

// maxHoles bounds how many missing chunks are named when all are to be told of.
const maxHoles = 1 << 18

// absent is what a walk found missing: snapshots, trees and lists, and chunks.
type absent struct{ nodes, chunks []object.ID }

func (a absent) all() []object.ID {
	out := slices.Concat(a.nodes, a.chunks)
	slices.SortFunc(out, compareID)
	return slices.Compact(out)
}

// recorder notes which objects a walk could not read.
type recorder struct {
	*repo.Stored
	miss []object.ID
}

func (r *recorder) Get(ctx context.Context, id object.ID) ([]byte, error) {
	b, err := r.Stored.Get(ctx, id)
	if errors.Is(err, cas.ErrDamaged) { // the store has forgotten it: it is missing from now on
		err = fmt.Errorf("%w: %w", err, object.ErrMissing)
	}
	if errors.Is(err, object.ErrMissing) && len(r.miss) < maxMissing {
		r.miss = append(r.miss, id)
	}
	return b, err
}

// closure is a walk over what lies below a snapshot.
type closure struct {
	ctx    context.Context
	rec    *recorder
	ask    []object.ID             // chunks of which it is not known whether they are here
	chunks []object.ID             // that are missing
	trees  map[[2]object.ID]extent // walked, each compared with another
}

// extent is how far a tree reaches, as far as it was walked: what was there
// before in the same place was looked at then.
type extent struct {
	depth, path int // components and bytes of the longest path
	entries     uint64
}

// add takes a name with what lies below it into account.
func (x *extent) add(name string, below extent) {
	x.depth = max(x.depth, 1+below.depth)
	x.path = max(x.path, 1+len(name)+below.path)
	x.entries = min(x.entries+1+below.entries, 1<<62) // never beyond 64 bits
}

// fits checks that a tree may stand in a directory so many components and
// bytes below the root.
func (x extent) fits(depth, path int) error {
	switch {
	case depth+x.depth > object.MaxDepth:
		return fmt.Errorf("%w: a path of more than %d components", object.ErrLimit, object.MaxDepth)
	case path+x.path > object.MaxPath:
		return fmt.Errorf("%w: a path of more than %d bytes", object.ErrLimit, object.MaxPath)
	case x.entries > object.MaxEntries:
		return fmt.Errorf("%w: more than %d paths in one snapshot", object.ErrLimit, object.MaxEntries)
	}
	return nil
}

// missing returns objects below a snapshot that are not here; none when all
// is. The walk goes on however many chunks are missing only if it is to tell of
// all; of one that does not, none are no proof that no node is. The walk is pruned at complete snapshots, whose trees it compares with.
// What no walk could read later, for its form or its size, is an error that
// wraps ErrMalformed or ErrLimit, on every device alike.
func missing(ctx context.Context, v *vault, head object.ID, complete func(object.ID) bool, all bool) (absent, error) {
	rec := &recorder{Stored: v.repo}
	c := &closure{ctx: ctx, rec: rec, trees: map[[2]object.ID]extent{}}
	seen := map[object.ID]bool{}
	todo := []object.ID{head}
	for len(todo) > 0 && len(rec.miss) < maxMissing && (all || len(rec.miss)+len(c.chunks) < maxMissing) {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] || complete(id) {
			continue
		}
		seen[id] = true
		s, err := object.GetSnapshot(ctx, rec, id)
		if errors.Is(err, object.ErrMissing) {
			continue
		}
		if err != nil {
			return absent{}, err
		}
		var base object.ID
		for _, p := range s.Parents {
			todo = append(todo, p)
			if base.IsZero() && complete(p) {
				if ps, err := object.GetSnapshot(ctx, v.repo, p); err == nil {
					base = ps.Root
				}
			}
		}
		for _, root := range []object.ID{s.Root, s.Base} {
			if root.IsZero() {
				continue
			}
			if _, err := c.tree(base, root, 0, 0); err != nil {
				return absent{}, err
			}
			base = s.Root
		}
		for _, k := range s.Conflicts {
			for _, side := range k.Sides {
				if _, err := c.entry(nil, side.Entry, 0, 0); err != nil {
					return absent{}, err
				}
			}
		}
	}
	if err := c.answer(); err != nil {
		return absent{}, err
	}
	return absent{rec.miss, c.chunks}, nil
}

// maxAsk bounds how many chunks are asked for at once.
const maxAsk = 1 << 14

// chunk notes a chunk that must be here.
func (c *closure) chunk(id object.ID) error {
	if c.ask = append(c.ask, id); len(c.ask) < maxAsk {
		return nil
	}
	return c.answer()
}

// answer looks which of the noted chunks are missing.
func (c *closure) answer() error {
	m, err := c.rec.Missing(c.ctx, c.ask)
	c.ask = c.ask[:0]
	c.chunks = append(c.chunks, m[:min(len(m), maxHoles-len(c.chunks))]...)
	return err
}

// tree walks what differs between a tree that is here and one that may not
// be, in a directory so many components and bytes below the root.
func (c *closure) tree(have, want object.ID, depth, path int) (extent, error) {
	if have == want {
		return extent{}, nil
	}
	for _, k := range [][2]object.ID{{{}, want}, {have, want}} {
		if x, ok := c.trees[k]; ok {
			return x, x.fits(depth, path)
		}
	}
	var x extent
	if sum, err := object.Summarise(c.ctx, c.rec, want); errors.Is(err, object.ErrMissing) {
		return x, nil // noted
	} else if err != nil {
		return x, err
	} else if sum.Bytes > object.MaxBytes {
		return x, fmt.Errorf("%w: a directory of %d bytes", object.ErrLimit, sum.Bytes)
	}
	if depth > object.MaxDepth { // an empty directory may stand at the deepest place
		return x, x.fits(depth, path)
	}
	for ch, err := range object.DiffTree(c.ctx, c.rec, have, want) {
		if errors.Is(err, object.ErrMissing) {
			return x, nil // noted
		}
		if err != nil {
			return x, err
		}
		if ch.B == nil {
			continue
		}
		below, err := c.entry(ch.A, *ch.B, depth+1, path+1+len(ch.Name))
		if err != nil {
			return x, err
		}
		x.add(ch.Name, below)
	}
	if err := x.fits(depth, path); err != nil {
		return x, err
	}
	c.trees[[2]object.ID{have, want}] = x
	return x, nil
}

// entry walks what differs between an entry that is here, if one is, and one
// that may not be.
func (c *closure) entry(have *object.Entry, e object.Entry, depth, path int) (extent, error) {
	if e.Xattrs.Kind == object.KindChunk && (have == nil || have.Xattrs != e.Xattrs) {
		if err := c.chunk(e.Xattrs.ID); err != nil {
			return extent{}, err
		}
	}
	if e.Kind == object.Dir {
		var below object.ID
		if have != nil && have.Kind == object.Dir {
			below = have.Tree
		}
		return c.tree(below, e.Tree, depth, path)
	}
	if have != nil && have.SameContent(e) && have.Size == e.Size {
		return extent{}, nil
	}
	switch e.Content.Kind {
	case object.KindChunk:
		return extent{}, c.chunk(e.Content.ID)
	case object.KindList:
		for p, err := range object.Chunks(c.ctx, c.rec, e.Content.ID, e.Size) {
			if errors.Is(err, object.ErrMissing) {
				return extent{}, nil
			}
			if err == nil {
				err = c.chunk(p.ID)
			}
			if err != nil {
				return extent{}, err
			}
		}
	}
	return extent{}, nil
}

func compareID(a, b object.ID) int {
	return slices.Compare(a[:], b[:])
}
