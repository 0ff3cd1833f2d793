package discovery

import (
	"context"
	"errors"
	"io"
	"maps"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"

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
)

// keeper keeps one device connected.
type keeper struct {
	kick   chan struct{}
	cancel context.CancelFunc
}

// SetMembers says who may connect and where they may be; they are kept
// connected.
func (h *Host) SetMembers(members map[object.DeviceID][]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := maps.Clone(h.members)
	for id, addrs := range members {
		p, err := peerID(id)
		if err != nil {
			continue
		}
		delete(old, p)
		h.addAddrs(p, addrs, peerstore.PermanentAddrTTL)
		if !h.members[p] {
			h.members[p] = true
			h.h.ConnManager().Protect(p, "member")
		}
		h.keep(p)
	}
	for p := range old {
		delete(h.members, p)
		h.h.ConnManager().Unprotect(p, "member")
		if k := h.keepers[p]; k != nil {
			k.cancel()
			delete(h.keepers, p)
		}
	}
}

// keep begins to keep a device connected. The caller holds mu.
func (h *Host) keep(p peer.ID) {
	if h.keepers[p] != nil || p == h.h.ID() || h.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(h.ctx)
	k := &keeper{kick: make(chan struct{}, 1), cancel: cancel}
	h.keepers[p] = k
	h.wg.Go(func() { h.run(ctx, p, k) })
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
	for ctx.Err() == nil {
		if h.h.Network().Connectedness(p) == network.Connected {
			wait = firstWait
			h.note(p, true)
			if err := h.beat(ctx, p); err != nil && ctx.Err() == nil {
				h.log.Debug("heartbeat", "peer", p.String(), "err", err)
				if err := h.h.Network().ClosePeer(p); err != nil {
					h.log.Debug("close connection", "err", err)
				}
				continue
			}
			pause(beatEvery)
			continue
		}
		if len(h.h.Peerstore().Addrs(p)) > 0 && h.redial(ctx, p, k) {
			continue
		}
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

// beat asks a connected device to answer.
func (h *Host) beat(ctx context.Context, p peer.ID) error {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "beat"), beatTimeout)
	defer cancel()
	s, err := h.h.NewStream(ctx, p, beatProtocol)
	if err != nil {
		return err
	}
	err = s.SetDeadline(time.Now().Add(beatTimeout))
	var b [1]byte
	if err == nil {
		_, err = s.Write([]byte{1})
	}
	if err == nil {
		_, err = io.ReadFull(s, b[:])
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
	h.restartMDNS()
	h.wakeAll()
}
