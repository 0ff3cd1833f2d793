package merge

import (
	"errors"

	"github.com/bsvsync/bsv/object"
)

// ancestry walks down the history from two sides in step, until what is left
// to look at is below both. It so reads about as many snapshots as lie between
// the sides and what they share, however long the history below that is. The
// left side may grow; the right one is another in each round.
//
// What a side is found to have seen is handed on at once to everything below
// that was read before: a side that has run past the common ancestors stops
// there, and does not stay ahead of the other.
type ancestry struct {
	y      *history
	seen   map[object.ID]*seenBy
	round  int
	found  []object.ID // what the right side has seen in this round
	left   []object.ID // to be read
	right  []object.ID
	parked []object.ID // of left: below both sides in this round
	holes  bool        // what is missing, or malformed on the left, has no parents, instead of being an error
	lost   bool        // what is missing or malformed on the right has no parents
}

// seenBy is a snapshot on a walk.
type seenBy struct {
	left    bool
	right   int // the last round whose right side has seen it
	read    bool
	missing bool
	parents []object.ID
}

func newAncestry(y *history, left ...object.ID) *ancestry {
	a := &ancestry{y: y, seen: map[object.ID]*seenBy{}}
	a.extend(left...)
	return a
}

// extend adds snapshots to the left side.
func (a *ancestry) extend(ids ...object.ID) {
	for _, id := range ids {
		a.mark(id, true, false)
	}
}

// against begins a round with another right side. When it returns, what each of
// the sides has seen is known, but for what lies below snapshots that both have.
func (a *ancestry) against(right ...object.ID) error {
	a.begin(right)
	return a.walk(func() bool { return false })
}

func (a *ancestry) begin(right []object.ID) {
	a.round++
	a.found, a.right = nil, nil
	a.left, a.parked = append(a.left, a.parked...), nil
	for _, id := range right {
		a.mark(id, false, true)
	}
}

// walk reads on both sides until nothing is left to read or enough says so. That
// is asked when the right side has come to its end.
func (a *ancestry) walk(enough func() bool) error {
	for {
		r, ok := a.nextRight()
		if !ok && enough() {
			return nil
		}
		if ok {
			if err := a.read(r); err != nil {
				return err
			}
		}
		l, more := a.nextLeft()
		if more {
			if err := a.read(l); err != nil {
				return err
			}
		}
		if !ok && !more {
			return nil
		}
	}
}

func (a *ancestry) nextRight() (object.ID, bool) {
	for len(a.right) > 0 {
		id := a.right[0]
		a.right = a.right[1:]
		if n := a.seen[id]; !n.read && !n.left {
			return id, true
		}
	}
	return object.ID{}, false
}

func (a *ancestry) nextLeft() (object.ID, bool) {
	for len(a.left) > 0 {
		id := a.left[0]
		a.left = a.left[1:]
		n := a.seen[id]
		switch {
		case n.read:
		case n.right == a.round:
			a.parked = append(a.parked, id)
		default:
			return id, true
		}
	}
	return object.ID{}, false
}

func (a *ancestry) read(id object.ID) error {
	n := a.seen[id]
	s, err := a.y.snapshot(id)
	missing := errors.Is(err, object.ErrMissing)
	malformed := errors.Is(err, object.ErrMalformed) || errors.Is(err, object.ErrLimit)
	if a.lost && !n.left && (missing || malformed) || a.holes && (missing || n.left && malformed) {
		n.missing, err = true, nil
	}
	if err != nil {
		return err
	}
	n.read, n.parents = true, s.Parents
	for _, p := range n.parents {
		a.mark(p, n.left, n.right == a.round)
	}
	return nil
}

// mark notes that a side has seen a snapshot, and so what was read below it.
func (a *ancestry) mark(id object.ID, left, right bool) {
	todo := []object.ID{id}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := a.seen[id]
		if n == nil {
			n = &seenBy{}
			a.seen[id] = n
		}
		byLeft, byRight := left && !n.left, right && n.right != a.round
		if byLeft {
			n.left = true
		}
		if byRight {
			n.right = a.round
			a.found = append(a.found, id)
		}
		switch {
		case n.read && (byLeft || byRight):
			todo = append(todo, n.parents...)
		case n.read:
		default:
			if byLeft {
				a.left = append(a.left, id)
			}
			if byRight {
				a.right = append(a.right, id)
			}
		}
	}
}

// isLeft reports whether the left side has seen a snapshot that the right side
// of this round began with.
func (a *ancestry) isLeft(id object.ID) bool { return a.seen[id].left }

// isRight reports the same of one of the left side.
func (a *ancestry) isRight(id object.ID) bool { return a.seen[id].right == a.round }

// common returns what both sides have seen, without what lies below another of
// that as far as it was read.
func (a *ancestry) common() idSet {
	out := idSet{}
	for _, id := range a.found {
		if a.seen[id].left {
			out[id] = true
		}
	}
	for _, id := range a.found {
		if n := a.seen[id]; n.left {
			for _, p := range n.parents {
				delete(out, p)
			}
		}
	}
	return out
}

// only returns what the right side alone has seen.
func (a *ancestry) only() []object.ID {
	var out []object.ID
	for _, id := range a.found {
		if n := a.seen[id]; !n.left && !n.missing {
			out = append(out, id)
		}
	}
	return out
}
