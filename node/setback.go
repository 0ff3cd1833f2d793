package node

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

const (
	// again is after how long a fetch that failed is tried again; every further
	// time it is twice as long, up to longestAgain.
	again        = time.Second
	longestAgain = 5 * time.Minute
	// fullAgain is after how long the same is asked for again though the disk
	// was full and nobody made space. That is looked for every spaceLook, and
	// roomier is how much it must be; then it is asked for after roomyAgain at
	// the latest.
	fullAgain  = time.Hour
	roomyAgain = 30 * time.Second
	spaceLook  = 5 * time.Second
	roomier    = 1 << 20
)

// setback is a fetch that failed.
type setback struct {
	err      error
	times    int // in a row
	at       time.Time
	want     []object.ID // sorted
	free     uint64      // on the disk after it, when measured
	measured bool
}

func (b *setback) after(old *setback) *setback {
	if b.times = 1; old != nil {
		b.times += old.times
	}
	return b
}

// until is when the fetch may be tried again.
func (b *setback) until() time.Time {
	return b.at.Add(min(longestAgain, again<<min(b.times-1, 16)))
}

// held is the error of a fetch that is not tried yet, for the reason of an
// earlier one.
type held struct {
	err  error
	wait time.Duration
}

func (h *held) Error() string { return h.err.Error() }

func (h *held) Unwrap() error { return h.err }

func sorted(ids []object.ID) []object.ID {
	out := slices.Clone(ids)
	slices.SortFunc(out, compareID)
	return out
}

// isLocal reports whether an error is this device's own: no peer can help.
func isLocal(err error) bool {
	var pe *fs.PathError
	return vfs.NoSpace(err) || errors.Is(err, cas.ErrPoisoned) || errors.As(err, &pe)
}

// hold is the error that a fetch of want waits; nil when it may begin. One that
// a person waits for is urgent, but nothing is sent for nothing: where a full
// disk has no more space than when the same did not fit, it is not begun either.
// The caller holds asking.
func (x *session) hold(want []object.ID, urgent bool) error {
	now := time.Now()
	if d, roomy := x.s.short(); d != nil {
		until := d.until()
		switch {
		case roomy:
			until = d.at.Add(min(roomyAgain, until.Sub(d.at)))
		case d.measured && sameIDs(sorted(want), d.want):
			until, urgent = d.at.Add(fullAgain), false
		}
		if urgent {
			until = now
		}
		if now.Before(until) {
			return &held{d.err, min(until.Sub(now), spaceLook)}
		}
	}
	if b := x.setback; b != nil && !urgent && now.Before(b.until()) && sameIDs(sorted(want), b.want) {
		return &held{b.err, b.until().Sub(now)}
	}
	return nil
}

// short is the setback of this device's own disk, nil when there is none, and
// whether there is more space since.
func (s *syncer) short() (d *setback, roomy bool) {
	s.mu.Lock()
	d = s.disk
	s.mu.Unlock()
	if d == nil || !d.measured {
		return d, false
	}
	free, ok := s.n.fs.Free(s.n.home.Paths().Repo())
	return d, ok && free >= d.free+roomier
}

// isFull reports whether this device's disk takes nothing new.
func (s *syncer) isFull() bool {
	d, roomy := s.short()
	return d != nil && !roomy && vfs.NoSpace(d.err)
}

// ended notes how a fetch of want ended. The caller holds asking.
func (x *session) ended(ctx context.Context, want []object.ID, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil:
		x.setback = nil
		x.s.fits(ctx, x, len(want) > 0)
	case isLocal(err):
		x.s.refuse(ctx, want, err)
	default:
		x.setback = (&setback{err: err, at: time.Now(), want: sorted(want)}).after(x.setback)
	}
}

// refuse notes that what came could not be kept here. What the full disk was
// used up by is given back, unless other work is under way, which does it when
// it meets the same.
func (s *syncer) refuse(ctx context.Context, want []object.ID, err error) {
	b := &setback{err: err, at: time.Now(), want: sorted(want)}
	if vfs.NoSpace(err) {
		if v, verr := s.n.open(); verr == nil && s.n.work.TryLock() {
			if rerr := v.repo.Rollback(); rerr != nil {
				s.log.Warn("give back space", "err", rerr)
			}
			s.n.work.Unlock()
		}
		if !vfs.IsQuota(err) {
			b.free, b.measured = s.n.fs.Free(s.n.home.Paths().Repo())
		}
	}
	s.mu.Lock()
	s.disk = b.after(s.disk)
	s.mu.Unlock()
	s.n.note(ctx, workFetch, err)
	s.kickAll()
}

// fits ends the setback of the disk when nothing of it is lacking any more, and
// nobody has to say anything again. stored: something was kept just now.
func (s *syncer) fits(ctx context.Context, x *session, stored bool) {
	s.mu.Lock()
	d := s.disk
	s.mu.Unlock()
	if d == nil || len(d.want) == 0 && !stored || slices.ContainsFunc(s.all(), (*session).isDeaf) {
		return
	}
	want, _, err := x.lacking(ctx)
	if err != nil || slices.ContainsFunc(want, func(id object.ID) bool { return slices.Contains(d.want, id) }) {
		return
	}
	s.mu.Lock()
	s.disk = nil
	s.mu.Unlock()
	s.n.note(ctx, workFetch, nil)
	for _, o := range s.all() {
		o.kick()
		o.fetch()
	}
}

// missed notes that something which the peer said could not be kept. It says it
// again in the next session, which is due when there is space again.
func (x *session) missed(ctx context.Context, err error) {
	x.s.n.hearsay.warn(x.s.log, "what a device said could not be kept", "peer", x.id.String(), "err", err)
	x.mu.Lock()
	x.deaf = true
	x.mu.Unlock()
	x.s.refuse(ctx, nil, err)
	x.fetch()
}

// stale reports whether the session has missed something that can be said again
// now; wait is when to look again.
func (x *session) stale() (due bool, wait time.Duration) {
	if !x.isDeaf() {
		return false, 0
	}
	d, roomy := x.s.short()
	if d == nil {
		return true, 0
	}
	if wait = time.Until(d.until()); roomy {
		wait = min(wait, time.Until(d.at.Add(roomyAgain)))
	}
	return wait <= 0, min(wait, spaceLook)
}

func (x *session) isDeaf() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.deaf
}

// heardFull notes what a peer says of its disk.
func (x *session) heardFull(full bool) {
	x.mu.Lock()
	x.full = full
	x.mu.Unlock()
}

func (x *session) peerFull() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.full
}

// sayFull tells the peer when this device's disk has become full or has space
// again.
func (x *session) sayFull() error {
	full := x.s.isFull()
	if full == x.saidFull {
		return nil
	}
	x.saidFull = full
	return x.send(x.pinged(0)) // nobody waits for the answer
}
