package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// SyncRequest is bsv sync and fetch.
type SyncRequest struct {
	Repos         []string `json:"repos,omitempty"` // names of peers; empty: all members
	AcceptDeletes bool     `json:"accept_deletes,omitempty"`
}

// dialWait is how long a member is looked for without a running node, and
// stall how long an exchange may make no progress.
const (
	dialWait = 3 * time.Second
	stall    = 30 * time.Second
)

// target is a member to sync with.
type target struct {
	id    object.DeviceID
	name  string
	addrs []string
}

// targets are the members that a person named, or all.
func (n *Node) targets(v *vault, names []string) ([]target, error) {
	setup, err := n.home.Setup()
	if err != nil {
		return nil, err
	}
	all := map[object.DeviceID]target{}
	devices := n.names(v)
	for d, addrs := range v.view.others() {
		all[d] = target{id: d, name: devices.of(d), addrs: addrs}
	}
	byName := map[string]object.DeviceID{}
	for _, p := range setup.Peers {
		if id, err := object.ParseDeviceID(p.Device); err == nil {
			byName[p.Name] = id
			if t, ok := all[id]; ok {
				t.addrs = append(t.addrs, p.Addrs...)
				all[id] = t
			}
		}
	}
	var out []target
	for _, name := range names {
		id, ok := byName[name]
		if !ok {
			if id, err = n.deviceNamed(v, name, "bsv sync %s"); err != nil {
				if Explain(err).Kind == NotFound {
					err = fail(NotFound, "bsv repo list", "no repository or device is named %q", name)
				}
				return nil, err
			}
		}
		t, ok := all[id]
		if !ok {
			return nil, fail(NotFound, "bsv peers", "%s is no other member of this vault", name)
		}
		out = append(out, t)
	}
	if len(names) == 0 {
		for _, t := range all {
			out = append(out, t)
		}
		slices.SortFunc(out, func(a, b target) int { return compareID(object.ID(a.id), object.ID(b.id)) })
	}
	return out, nil
}

// Fetch is bsv fetch: copies in what the members have; the disk stays.
func (n *Node) Fetch(ctx context.Context, r SyncRequest) (SyncResult, error) {
	res, err := n.syncWith(ctx, r, false)
	if v, oerr := n.open(); oerr == nil {
		n.work.Lock()
		defer n.work.Unlock()
		n.compact(ctx, v)
	}
	return res, err
}

// Sync is bsv sync: snapshot, fetch, merge, apply, push.
func (n *Node) Sync(ctx context.Context, r SyncRequest) (SyncResult, error) {
	return n.syncWith(ctx, r, true)
}

func (n *Node) syncWith(ctx context.Context, r SyncRequest, disk bool) (SyncResult, error) {
	res := SyncResult{Problems: []Problem{}}
	v, err := n.openToChange()
	if err != nil {
		return res, err
	}
	b, err := n.baseline(ctx, v)
	if err != nil {
		return res, err
	}
	return n.syncSince(ctx, b, r, disk)
}

// syncSince is a sync that counts from a baseline.
func (n *Node) syncSince(ctx context.Context, b baseline, r SyncRequest, disk bool) (SyncResult, error) {
	res, v := SyncResult{Problems: []Problem{}}, b.v
	targets, err := n.targets(v, r.Repos)
	if err != nil {
		return res, err
	}
	before, err := b.conflicts(ctx, n)
	if err != nil {
		return res, err
	}
	told := n.notices(ctx, v)
	snapshot := func() error {
		n.work.Lock()
		defer n.work.Unlock()
		t, err := n.takeSnapshot(ctx, v, "", nil, nil)
		res.Problems, res.Notices = problems(t.problems), problems(t.notices)
		return err
	}
	damaged := false
	if disk {
		err := snapshot()
		if damaged = isDamage(err); err != nil && !damaged { // a member may have what is lost
			return res, err
		}
	}
	s := n.syncer()
	if s == nil && len(targets) > 0 {
		return res, fail(Unreachable, "bsv node", "the network is not running")
	}
	reached := 0
	var own error // why this device cannot keep what others have
	if s != nil {
		errs := make([]error, len(targets))
		var wg sync.WaitGroup
		for i, t := range targets {
			wg.Go(func() { errs[i] = s.exchange(ctx, v, t) })
		}
		wg.Wait()
		for i, err := range errs {
			if err != nil {
				n.log.Debug("sync", "peer", targets[i].name, "err", err)
			}
			switch {
			case err == nil:
				reached++
			case errors.Is(err, errPeerFull):
				res.Full = append(res.Full, targets[i].name)
			case isLocal(err):
				own = err
			default:
				res.Unreachable = append(res.Unreachable, targets[i].name)
			}
		}
		t := s.traffic().since(b.traffic)
		res.FetchedObjects, res.FetchedBytes, res.SentObjects, res.SentBytes = t.FetchedObjects, t.FetchedBytes, t.SentObjects, t.SentBytes
	}
	if ctx.Err() != nil {
		return res, ctx.Err()
	}
	if damaged {
		err = snapshot()
	} else if !disk {
		err = n.unharmed(ctx, v)
	}
	if isDamage(err) && reached == 0 {
		err = alone(err)
	}
	if err != nil {
		return res, err
	}
	var braked []string
	if disk {
		n.work.Lock()
		a, err := n.applyState(ctx, v, r.AcceptDeletes)
		if err == nil {
			err = n.heartbeat(ctx, v)
		}
		if err == nil {
			err = n.announce(ctx, v)
		}
		n.work.Unlock()
		if err != nil {
			return res, err
		}
		res.Applied, braked = Applied(a.change), a.braked
		res.Problems = append(res.Problems, problems(a.problems)...)
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return res, err
	}
	st, err := n.state(ctx, v, heads)
	if err != nil {
		return res, err
	}
	if len(heads) > 0 {
		res.State = st.Root.CID(object.KindTree)
	}
	for _, x := range st.Notices {
		if !told[x] {
			res.Notices = append(res.Notices, Problem{Path: NewPath(x.Path), Reason: x.Text})
		}
	}
	res.Merged, res.Conflicts = len(heads) > 1, len(st.Conflicts)
	res.NewConflicts = slices.ContainsFunc(st.Conflicts, func(c object.Conflict) bool { return !before[conflictKey(c)] })
	if s != nil {
		n.setBaseline(s, v, heads)
	}
	hurt := n.unharmed(ctx, v)
	switch {
	case own != nil:
		return res, own
	case hurt != nil && reached == 0:
		return res, alone(hurt)
	case hurt != nil:
		return res, hurt
	case len(braked) > 0:
		h, _ := n.braked(braked[0])
		return res, fail(Brake, h.choice(braked[0]), "%s waits: %s", braked[0], h.why())
	case reached == 0 && len(res.Full) > 0:
		return res, fail(Unreachable, "free some space there: it goes on by itself; what is stored here is safe", "%s cannot take what is new: its disk is full", strings.Join(res.Full, ", "))
	case len(targets) > 0 && reached == 0:
		return res, fail(Unreachable, "start it there: bsv node; what is stored here is safe", "no other device was reached: %s", strings.Join(res.Unreachable, ", "))
	}
	return res, nil
}

// attempts is how often an exchange begins anew: two devices that connect to
// each other at the same moment end one of the two sessions.
const attempts = 4

// exchange brings this device and a member to the same records.
func (s *syncer) exchange(ctx context.Context, v *vault, t target) error {
	var err error
	for range attempts {
		if err = s.exchangeOnce(ctx, v, t); err == nil || ctx.Err() != nil || !errors.Is(err, errLost) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

// reach makes a session with a device stand. With a member it tries again
// when the session was lost: both may have begun one.
func (s *syncer) reach(ctx context.Context, id object.DeviceID, addrs []string, member bool) error {
	var err error
	for range attempts {
		if _, err = s.connect(ctx, id, addrs); err == nil || s.session(id) != nil {
			return nil
		}
		if !member || !errors.Is(err, errLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

// errLost: the session ended in the middle.
var errLost = errors.New("the connection was lost")

// errPeerFull: the peer has no space for what is new.
var errPeerFull = errors.New("its disk is full")

func (s *syncer) exchangeOnce(ctx context.Context, v *vault, t target) error {
	dial, cancel := context.WithTimeout(ctx, dialWait)
	x, err := s.connect(dial, t.id, t.addrs)
	cancel()
	if err != nil {
		if x = s.session(t.id); x == nil {
			return err
		}
	}
	last := time.Now()
	mark := s.fetchedBytes.Load() + s.sentBytes.Load()
	for {
		err := x.ping(ctx)
		if err == nil {
			err = x.fetchMissing(ctx, true)
		}
		if d, roomy := s.short(); err == nil && d != nil && x.isDeaf() {
			if !roomy {
				return d.err
			}
			x.reset() // it says again what was missed
			err = io.ErrUnexpectedEOF
		}
		if isLocal(err) || errors.Is(err, errSilent) || errors.Is(err, proto.ErrSlow) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		heads, pending, err := v.view.H(ctx)
		if err != nil {
			return err
		}
		// Nobody may have what a head has lost.
		holed := v.view.holedHeads()
		heads = slices.DeleteFunc(slices.Clone(heads), func(id object.ID) bool { return slices.Contains(holed, id) })
		// What the peer has not got is not waited for, but its own work.
		if !v.view.names(t.id, pending) && x.hasAcked(heads) {
			return nil
		}
		if x.peerFull() && !v.view.names(t.id, pending) {
			return errPeerFull
		}
		if now := s.fetchedBytes.Load() + s.sentBytes.Load(); now != mark {
			mark, last = now, time.Now()
		}
		if time.Since(last) > stall {
			return errors.New("the exchange makes no progress")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-x.done:
			return errLost
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// names reports whether a device's records name one of some heads.
func (w *view) names(d object.DeviceID, heads []object.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.ofLocked(d), func(k known) bool { return slices.Contains(heads, k.said.Head) })
}

// hasAcked reports whether heads are complete at the peer.
func (x *session) hasAcked(heads []object.ID) bool {
	x.settleAcks()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, h := range heads {
		if !x.acked[h] {
			return false
		}
	}
	return true
}
