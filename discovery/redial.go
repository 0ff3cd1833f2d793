package discovery

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	multistream "github.com/multiformats/go-multistream"

	"github.com/bsvsync/bsv/object"
)

// Times of the redial loop: a device that comes back is reached within two
// seconds.
const (
	beatProtocol = "/bsv/beat/1"
	beatEvery    = time.Second
	beatTimeout  = 2 * time.Second
	dialTimeout  = 900 * time.Millisecond
	firstWait    = 100 * time.Millisecond
	longestWait  = time.Second
	yield        = 300 * time.Millisecond // by which the larger id lets the smaller one dial first
)

// keeper keeps one device connected.
type keeper struct {
	kick   chan struct{}
	cancel context.CancelFunc
	until  time.Time   // when a device that is no member is given up
	failed atomic.Bool // an attempt to reach it has failed
}

// SetMembers says who may connect and where they may be; they are kept
// connected.
func (h *Host) SetMembers(members map[object.DeviceID][]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expect(members)
	old := maps.Clone(h.members)
	for id, addrs := range members {
		p, err := peerID(id)
		if err != nil {
			continue
		}
		delete(old, p)
		h.addAddrs(p, addrs[:min(len(addrs), maxAddrs)], peerstore.PermanentAddrTTL)
		if !h.members[p] {
			h.members[p] = true
			h.h.ConnManager().Protect(p, "member")
		}
		h.keep(p)
	}
	for p := range old {
		delete(h.members, p)
		h.h.ConnManager().Unprotect(p, "member")
		if h.keepers[p] != nil {
			h.leave(p)
		}
	}
}

// keep begins to keep a device connected. The caller holds mu.
func (h *Host) keep(p peer.ID) {
	if h.keepers[p] != nil || p == h.h.ID() || h.closed {
		return
	}
	ctx, cancel := context.WithCancel(h.ctx)
	k := &keeper{kick: make(chan struct{}, 1), cancel: cancel}
	h.keepers[p] = k
	h.wg.Go(func() {
		h.run(ctx, p, k)
		h.unlearn(p)
		select { // a dial that has begun may note addresses after its caller has gone
		case <-time.After(dialTimeout):
			h.unlearn(p)
		case <-h.ctx.Done():
		}
	})
}

// unlearn forgets where a device that is given up may be: an attempt to reach
// it that was under way has noted that anew.
func (h *Host) unlearn(p peer.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keepers[p] == nil && !h.members[p] {
		h.h.Peerstore().ClearAddrs(p)
	}
}

func (h *Host) isMember(p peer.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members[p]
}

// meet tries a found device that is no member for a while. When there are too
// many, the oldest that could not be reached gives its place; it reports
// whether there was one.
func (h *Host) meet(p peer.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if k := h.keepers[p]; k != nil {
		k.until = now.Add(foundFor)
		return true
	}
	var oldest peer.ID
	count := 0
	for id, k := range h.keepers {
		switch {
		case h.members[id]:
			continue
		case now.After(k.until):
			h.leave(id)
			continue
		}
		if count++; k.failed.Load() && (oldest == "" || k.until.Before(h.keepers[oldest].until)) {
			oldest = id
		}
	}
	if count >= maxFound {
		if oldest == "" {
			return false
		}
		h.leave(oldest)
	}
	h.keep(p)
	if k := h.keepers[p]; k != nil {
		k.until = now.Add(foundFor)
	}
	return true
}

// leave gives a device up and forgets where it may be. The caller holds mu.
func (h *Host) leave(p peer.ID) {
	h.keepers[p].cancel()
	delete(h.keepers, p)
	h.h.Peerstore().ClearAddrs(p)
}

// over gives up a device that has not become a member in its time.
func (h *Host) over(p peer.ID, k *keeper) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keepers[p] == k && !h.members[p] && time.Now().After(k.until) {
		h.leave(p)
	}
}

func (h *Host) wake(p peer.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.keepers[p]; k != nil {
		select {
		case k.kick <- struct{}{}:
		default:
		}
	}
}

func (h *Host) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.keepers {
		select {
		case k.kick <- struct{}{}:
		default:
		}
	}
}

func (h *Host) run(ctx context.Context, p peer.ID, k *keeper) {
	wait := firstWait
	pause := func(d time.Duration) {
		select {
		case <-k.kick:
			wait = firstWait
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	apart := true // it has just been found, or lost
	for ctx.Err() == nil {
		h.over(p, k)
		if h.h.Network().Connectedness(p) == network.Connected {
			wait, apart = firstWait, true
			h.note(p, true)
			h.beat(ctx, p)
			pause(beatEvery)
			continue
		}
		if apart && h.h.ID() > p {
			pause(yield)
		}
		apart = false
		if h.h.Network().Connectedness(p) == network.Connected {
			continue
		}
		if len(h.h.Peerstore().Addrs(p)) > 0 && h.redial(ctx, p, k) {
			continue
		}
		k.failed.Store(true)
		pause(wait)
		wait = min(wait*2, longestWait)
	}
}

// redial tries once; a change of the network ends an attempt that began in
// the old one.
func (h *Host) redial(ctx context.Context, p peer.ID, k *keeper) bool {
	if s, ok := h.h.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p)
	}
	ctx, cancel := context.WithTimeout(network.WithForceDirectDial(ctx, "redial"), dialTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.h.Connect(ctx, peer.AddrInfo{ID: p}) }()
	select {
	case err := <-done:
		return err == nil
	case <-k.kick:
		cancel()
		return <-done == nil
	}
}

// beat asks a device to answer on each of its connections, and closes those
// that are dead: of two, as after mutual discovery, one may be.
func (h *Host) beat(ctx context.Context, p peer.ID) {
	var wg sync.WaitGroup
	for _, c := range h.h.Network().ConnsToPeer(p) {
		wg.Go(func() {
			moved := h.movedBy(c)
			before := moved.Load()
			err := beatOn(ctx, c)
			if err == nil || ctx.Err() != nil || moved.Load() != before {
				return
			}
			h.log.Debug("heartbeat", "peer", p.String(), "addr", c.RemoteMultiaddr().String(), "err", err)
			if err := c.Close(); err != nil {
				h.log.Debug("close connection", "err", err)
			}
		})
	}
	wg.Wait()
}

// beatOn sends a byte on a connection and waits for it to come back.
func beatOn(ctx context.Context, c network.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	s, err := c.NewStream(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(s.SetDeadline(time.Now().Add(beatTimeout)), s.SetProtocol(beatProtocol))
	rw := multistream.NewMSSelect(s, protocol.ID(beatProtocol))
	var b [1]byte
	if err == nil {
		_, err = rw.Write([]byte{1})
	}
	if err == nil {
		_, err = io.ReadFull(rw, b[:])
	}
	return errors.Join(err, s.Reset())
}

// answerBeat answers heartbeats, one byte for one.
func answerBeat(s network.Stream) {
	var b [1]byte
	err := s.SetDeadline(time.Now().Add(beatTimeout))
	if err == nil {
		_, err = io.ReadFull(s, b[:])
	}
	if err == nil {
		_, err = s.Write(b[:])
	}
	if err != nil {
		_ = s.Reset() // the other side closes the connection by itself
		return
	}
	_ = s.Close() // everything was said
}

// networkChanged is called when interfaces or addresses come or go.
func (h *Host) networkChanged() {
	h.log.Debug("the network has changed")
	if s, ok := h.h.Network().(*swarm.Swarm); ok {
		s.ListenClose() // closes nothing, but drops the cached interface addresses
	}
	h.reannounce()
	h.wakeAll()
}
