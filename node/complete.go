package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
)

// complete remembers which snapshots are here with everything below them. A
// mark is made after all of that is durable, and holds for one generation of
// the store's index: when packs have gone, everything is looked at again, and
// when an older copy of the index was put back, as that of the packs may have
// been. The view's lock guards it.
type complete struct {
	state      *home.State
	store      func() [16]byte        // the generation of now
	count      func() (uint64, error) // its serial
	serial     uint64                 // the last that was noted
	generation [16]byte
	prefix     string
	marked     map[object.ID]bool        // some of them, see maxMarked
	holes      map[object.ID][]object.ID // snapshots that lack contents alone: chunks below that are missing
}

const (
	completePrefix = "complete/"
	// maxMarked bounds how many marks are held in memory.
	maxMarked = 1 << 16
	// serialKey names the serial that the index had when a mark was made last.
	serialKey = "index serial"
)

func newComplete(state *home.State, store func() [16]byte, count func() (uint64, error)) (*complete, error) {
	c := &complete{state: state, store: store, count: count}
	now, err := count()
	if err != nil {
		return nil, err
	}
	b, err := state.Value(serialKey)
	if err != nil {
		return nil, err
	}
	if len(b) == 8 {
		c.serial = binary.BigEndian.Uint64(b)
	}
	if now < c.serial {
		if err := state.DropValues(completePrefix, ""); err != nil {
			return nil, err
		}
		c.serial = 0
	}
	_, err = c.renew()
	return c, err
}

// renew drops all marks when the store's index is another one. It reports
// whether it is.
func (c *complete) renew() (bool, error) {
	g := c.store()
	if c.marked != nil && g == c.generation {
		return false, nil
	}
	c.generation, c.prefix, c.marked = g, fmt.Sprintf("%s%x/", completePrefix, g), map[object.ID]bool{}
	c.holes = map[object.ID][]object.ID{}
	return true, c.state.DropValues(completePrefix, c.prefix)
}

func (c *complete) note(id object.ID) {
	if len(c.marked) >= maxMarked {
		clear(c.marked)
	}
	c.marked[id] = true
}

func (c *complete) has(id object.ID) bool {
	if c.marked[id] {
		return true
	}
	b, err := c.state.Value(c.prefix + string(id[:]))
	if err != nil || b == nil {
		return false
	}
	c.note(id)
	return true
}

// readable reports whether a snapshot is complete, or lacks contents alone: it is
// known what below it is missing.
func (c *complete) readable(id object.ID) bool { return c.holes[id] != nil || c.has(id) }

func (c *complete) mark(id object.ID) error {
	c.note(id)
	now, err := c.count()
	if err == nil && now != c.serial {
		c.serial = now
		err = c.state.NoteValue(serialKey, binary.BigEndian.AppendUint64(nil, now))
	}
	return errors.Join(err, c.state.NoteValue(c.prefix+string(id[:]), []byte{1}))
}

// hasComplete reports whether a snapshot is known to be complete here.
func (w *view) hasComplete(id object.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.complete.has(id)
}

// standing is how much of a snapshot and of what is below it is here.
type standing int

const (
	lacking standing = iota // it or something below it that is needed to walk it
	holed                   // contents of files alone
	whole                   // nothing
)

// counts reports whether a head is part of the history: it is complete, or this
// device once had all of it and has lost contents alone. What else it holds can
// be read, merged and built upon; its holes are told of as damage. The caller
// holds mu.
func (w *view) counts(ctx context.Context, id object.ID) (standing, bool, error) {
	if err := w.renew(); err != nil || w.complete.has(id) {
		return whole, err == nil, err
	}
	had, err := w.had(id)
	if err != nil {
		return lacking, false, err
	}
	s, err := w.standing(ctx, id, had)
	return s, s == whole || s == holed && had && !w.accepted[id], err
}

// had reports whether this device once had all of a head that is not complete:
// it was compared with the others then, given to the disk, published, or found
// where no record was left to say so.
func (w *view) had(id object.ID) (bool, error) {
	if w.maximal.of[id] || slices.Contains(w.found, id) {
		return true, nil
	}
	g, err := w.n.home.State().Given()
	if err != nil || slices.Contains(g.A, id) {
		return err == nil, err
	}
	own, err := w.n.published()
	if err != nil {
		return false, err
	}
	for _, k := range w.recs {
		if k.said.Head == id && k.rec.Device == w.v.id && own[k.digest] {
			return true, nil
		}
	}
	return false, nil
}

// renew drops what was known of presence when the store's index is another one.
func (w *view) renew() error {
	renewed, err := w.complete.renew()
	if renewed {
		w.heads = nil
	}
	return err
}

// standing looks how much of a snapshot is here. Without all, one that lacks many
// chunks may be taken for holed though it lacks more. The caller holds mu.
func (w *view) standing(ctx context.Context, id object.ID, all bool) (standing, error) {
	c := w.complete
	if err := w.renew(); err != nil || c.has(id) {
		return whole, err
	}
	if m := c.holes[id]; m != nil {
		m, err := w.v.repo.Missing(ctx, m)
		if err != nil {
			return lacking, err
		}
		if len(m) > 0 {
			c.holes[id] = m
			return holed, nil
		}
		delete(c.holes, id)
		w.heads = nil
	}
	before := w.v.repo.Rollbacks()
	if miss, err := w.v.repo.Missing(ctx, []object.ID{id}); err != nil || len(miss) > 0 {
		return lacking, err
	}
	below := map[object.ID]bool{}
	m, err := missing(ctx, w.v, id, func(id object.ID) bool {
		for _, chunk := range c.holes[id] {
			below[chunk] = true
		}
		return c.readable(id)
	}, all)
	if err == nil && w.v.repo.Generation() != c.generation { // more was met that cannot be read
		return w.standing(ctx, id, all)
	}
	if err != nil || len(m.nodes) > 0 {
		return lacking, err
	}
	for _, chunk := range m.chunks {
		below[chunk] = true
	}
	if len(below) > 0 {
		holes, err := w.v.repo.Missing(ctx, slices.Collect(maps.Keys(below)))
		if err != nil {
			return lacking, err
		}
		if len(holes) > 0 {
			if all {
				c.holes[id] = holes
			}
			return holed, nil
		}
		for id, m := range c.holes { // they have come since, and those of some below
			if miss, err := w.v.repo.Missing(ctx, m); err != nil {
				return lacking, err
			} else if len(miss) == 0 {
				delete(c.holes, id)
			}
		}
		return w.standing(ctx, id, all)
	}
	w.n.fault.Hit("complete.begin")
	// What the store holds only in memory counts as there, and others will
	// rely on the mark.
	if err := w.v.repo.Commit(ctx); err != nil {
		return lacking, err
	}
	if w.v.repo.Rollbacks() != before || w.v.repo.Generation() != c.generation { // what was there may be there no more
		return lacking, nil
	}
	return whole, c.mark(id)
}
