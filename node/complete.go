package node

import (
	"context"
	"fmt"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
)

// complete remembers which snapshots are here with everything below them. A
// mark is made after all of that is durable, and holds for one generation of
// the store's index: when packs have gone, everything is looked at again.
// The view's lock guards it.
type complete struct {
	state      *home.State
	store      func() [16]byte // the generation of now
	generation [16]byte
	prefix     string
	marked     map[object.ID]bool // some of them, see maxMarked
}

const (
	completePrefix = "complete/"
	// maxMarked bounds how many marks are held in memory.
	maxMarked = 1 << 16
)

func newComplete(state *home.State, store func() [16]byte) (*complete, error) {
	c := &complete{state: state, store: store}
	_, err := c.renew()
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

func (c *complete) mark(id object.ID) error {
	c.note(id)
	return c.state.NoteValue(c.prefix+string(id[:]), []byte{1})
}

// hasComplete reports whether a snapshot is known to be complete here.
func (w *view) hasComplete(id object.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.complete.has(id)
}

// isComplete reports whether a snapshot and everything below it is here. The
// caller holds mu.
func (w *view) isComplete(ctx context.Context, id object.ID) (bool, error) {
	if renewed, err := w.complete.renew(); err != nil {
		return false, err
	} else if renewed {
		w.heads = nil
	}
	if w.complete.has(id) {
		return true, nil
	}
	before := w.v.repo.Rollbacks()
	if miss, err := w.v.repo.Missing(ctx, []object.ID{id}); err != nil || len(miss) > 0 {
		return false, err
	}
	if m, err := missing(ctx, w.v, id, w.complete.has); err != nil || len(m) > 0 {
		return false, err
	}
	w.n.fault.Hit("complete.begin")
	// What the store holds only in memory counts as there, and others will
	// rely on the mark.
	if err := w.v.repo.Commit(ctx); err != nil {
		return false, err
	}
	if w.v.repo.Rollbacks() != before { // what was there may be there no more
		return false, nil
	}
	return true, w.complete.mark(id)
}
