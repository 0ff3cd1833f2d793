package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/worktree"
)

// RunOptions of Run.
type RunOptions struct {
	NoWatch bool
}

const (
	// longestBurst is how long changes may go on before they are stored.
	longestBurst = 5 * time.Second
	// retryAfter is when a turn that failed is tried again: what was dirty then
	// is no longer known, so all of it is scanned.
	retryAfter = 30 * time.Second
	// mountPoll is how often the mapped directories themselves are looked at:
	// no event tells that a disk went away or is back.
	mountPoll = 5 * time.Second
)

// Run is the node's loop: change on disk → snapshot → record → push; news →
// merge → apply. It returns when ctx ends.
func (n *Node) Run(ctx context.Context, o RunOptions) error {
	n.loopMu.Lock()
	n.maps = make(chan struct{}, 1)
	n.loopMu.Unlock()
	defer func() {
		n.loopMu.Lock()
		n.running = false
		n.maps = nil
		n.loopMu.Unlock()
	}()
	dirty := make(chan worktree.Dirty)
	w := &watchers{n: n, out: dirty, off: o.NoWatch}
	defer w.stop()
	retry := time.NewTimer(retryAfter)
	defer retry.Stop()
	var again retrying
	turn := func(dirty map[string]map[string]bool) {
		ok := n.turn(ctx, dirty)
		if again.after(ok, dirty == nil) {
			dirty = nil
			ok = n.turn(ctx, nil)
			again.after(ok, true)
		}
		switch {
		case !ok:
			retry.Reset(retryAfter)
		case dirty == nil:
			retry.Stop()
		}
	}
	w.restart(ctx)
	turn(nil)
	n.loopMu.Lock()
	n.running = true
	n.loopMu.Unlock()
	full := time.NewTicker(n.home.Config().Snapshot.Every)
	defer full.Stop()
	mounts := time.NewTicker(mountPoll)
	defer mounts.Stop()
	beat := time.NewTicker(heartbeatLook)
	defer beat.Stop()
	for {
		var arrived <-chan struct{}
		if s := n.syncer(); s != nil {
			arrived = s.arrived
		}
		select {
		case <-ctx.Done():
			return nil
		case d := <-dirty:
			turn(map[string]map[string]bool{d.Mapping: d.Dirs})
		case <-arrived:
			if !n.arrived(ctx) {
				again.after(false, false)
				retry.Reset(retryAfter)
			}
		case <-n.mapsChan():
			w.restart(ctx)
			turn(nil)
		case <-mounts.C:
			if n.mountedAgain() {
				w.restart(ctx)
				turn(nil)
			}
		case <-full.C:
			w.restart(ctx) // what could not be watched may be watched now
			turn(nil)
		case <-retry.C:
			again.tried = false
			turn(nil)
		case <-beat.C:
			n.beat(ctx)
		}
	}
}

// mountedAgain reports whether the disk of a paused mapping is back.
func (n *Node) mountedAgain() bool {
	n.loopMu.Lock()
	none := len(n.paused) == 0
	n.loopMu.Unlock()
	v, err := n.open()
	if none || err != nil {
		return false
	}
	maps, err := n.mappings(v)
	return err == nil && slices.ContainsFunc(maps, func(m worktree.Mapping) bool { return n.isPaused(m.Path) && m.CheckMarker() == nil })
}

// beat publishes what was seen, at most once a day.
func (n *Node) beat(ctx context.Context) {
	v, err := n.open()
	if err != nil {
		return
	}
	n.work.Lock()
	defer n.work.Unlock()
	err = n.heartbeat(ctx, v)
	n.note(ctx, workPublish, err)
	n.report(ctx, err)
}

// compact merges small packs, after what wrote some: a device that takes its
// snapshots by single commands has as many as one that watches. What has been
// stored stays so when it fails. The caller holds n.work.
func (n *Node) compact(ctx context.Context, v *vault) {
	err := v.repo.Compact(ctx)
	n.note(ctx, workCompact, err)
	n.report(ctx, err)
}

func (n *Node) mapsChan() chan struct{} {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	return n.maps
}

// mapsChanged tells the loop that mappings came or went.
func (n *Node) mapsChanged() {
	if c := n.mapsChan(); c != nil {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// turn takes a snapshot of what may have changed, and applies the state when
// it differs. It reports whether that succeeded.
func (n *Node) turn(ctx context.Context, dirty map[string]map[string]bool) bool {
	v, err := n.open()
	if err != nil {
		return true // nothing to do before there is a vault
	}
	n.work.Lock()
	defer n.work.Unlock()
	t, err := n.takeSnapshot(ctx, v, "", nil, dirty)
	var a applied
	if err == nil {
		a, err = n.applyState(ctx, v, false)
	}
	if err == nil {
		err = n.announce(ctx, v)
	}
	n.told.log(n, t.problems, a.problems, dirty == nil)
	if err == nil {
		n.tellBraked(a.braked)
	}
	n.report(ctx, err)
	return err == nil
}

// arrived applies what other devices published. It reports whether that
// succeeded.
func (n *Node) arrived(ctx context.Context) bool {
	v, err := n.open()
	if err != nil {
		return true
	}
	n.work.Lock()
	defer n.work.Unlock()
	a, err := n.applyState(ctx, v, false)
	if err == nil {
		err = n.announce(ctx, v)
	}
	n.told.log(n, nil, a.problems, false)
	if err == nil {
		n.tellBraked(a.braked)
	}
	n.report(ctx, err)
	return err == nil
}

func (n *Node) isRunning() bool {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	return n.running
}

// report tells of a turn that failed; the next one tries again.
func (n *Node) report(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	e := Explain(err)
	n.log.Error(e.Msg, "hint", e.Hint)
	n.Bus.Publish(event.Event{Kind: event.Problem, Message: e.Msg})
}

// watchers watch the mapped directories.
type watchers struct {
	n      *Node
	out    chan<- worktree.Dirty
	off    bool
	wg     sync.WaitGroup
	cancel context.CancelFunc
}

func (w *watchers) stop() {
	if w.cancel != nil {
		w.cancel()
		w.wg.Wait()
	}
}

// restart watches the mappings of now. It returns when they are watched, so
// that a scan that follows misses nothing.
func (w *watchers) restart(ctx context.Context) {
	w.stop()
	v, err := w.n.open()
	if w.off || err != nil {
		return
	}
	maps, err := w.n.mappings(v)
	if err != nil {
		w.n.report(ctx, err)
		return
	}
	limited := func(err error) {
		w.n.loopMu.Lock()
		w.n.limited = err
		w.n.loopMu.Unlock()
	}
	limited(nil)
	ctx, w.cancel = context.WithCancel(ctx)
	var ready sync.WaitGroup
	for _, m := range maps {
		ready.Add(1)
		watched := sync.OnceFunc(ready.Done)
		o := worktree.WatchOptions{Ready: watched, Mapping: m, Quiet: w.n.home.Config().Snapshot.Quiet, Most: longestBurst, Look: mountPoll, Log: w.n.log, Limited: limited}
		w.wg.Go(func() {
			defer watched()
			if err := worktree.Watch(ctx, o, w.out); err != nil && !errors.Is(err, context.Canceled) {
				w.n.report(ctx, err)
			}
		})
	}
	ready.Wait()
}
