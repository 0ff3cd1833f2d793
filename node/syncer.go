package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// syncer exchanges records and objects with the other members.
type syncer struct {
	n      *Node
	net    Network
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	arrived chan struct{} // heads have become complete
	fetchMu sync.Mutex    // one fetch at a time

	mu       sync.Mutex
	sessions map[object.DeviceID]*session
	dialing  map[object.DeviceID]bool
	banned   map[object.DeviceID]time.Time
	strikes  map[object.DeviceID]int

	fetchedObjects, fetchedBytes, sentObjects, sentBytes, roundTrips atomic.Uint64
}

// maxStrikes is how many violations a peer is forgiven, and banTime how long
// it is shut out after them.
const (
	maxStrikes = 3
	banTime    = time.Minute
)

// StartNetwork begins to exchange over a network. The node owns it from now
// on.
func (n *Node) StartNetwork(net Network) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &syncer{n: n, net: net, log: n.log, ctx: ctx, cancel: cancel, arrived: make(chan struct{}, 1),
		sessions: map[object.DeviceID]*session{}, dialing: map[object.DeviceID]bool{}, banned: map[object.DeviceID]time.Time{}, strikes: map[object.DeviceID]int{}}
	n.netMu.Lock()
	n.net, n.sync = net, s
	n.pair = newPairing(n, net)
	n.netMu.Unlock()
	net.Handle(proto.SyncProtocol, s.accept)
	net.Handle(proto.DataProtocol, s.serve)
	net.Handle(proto.PairProtocol, n.pair.accept)
	s.wg.Go(func() { net.Found(ctx, s.found) })
	n.members()
}

// StopNetwork ends the network and all that runs over it.
func (n *Node) StopNetwork() {
	n.netMu.Lock()
	s, net := n.sync, n.net
	n.sync, n.net, n.pair = nil, nil, nil
	n.netMu.Unlock()
	if s == nil {
		return
	}
	s.cancel()
	s.mu.Lock()
	for _, x := range s.sessions {
		x.reset()
	}
	s.mu.Unlock()
	if err := net.Close(); err != nil {
		n.log.Warn("close network", "err", err)
	}
	s.wg.Wait()
}

func (n *Node) syncer() *syncer {
	n.netMu.Lock()
	defer n.netMu.Unlock()
	return n.sync
}

func (n *Node) network() Network {
	n.netMu.Lock()
	defer n.netMu.Unlock()
	return n.net
}

func (n *Node) netAddrs() []string {
	if net := n.network(); net != nil {
		return net.Addrs()
	}
	return nil
}

// Addrs are the multiaddrs under which this node can be reached.
func (n *Node) Addrs() []string { return n.netAddrs() }

func (n *Node) pathTo(d object.DeviceID) string {
	if net := n.network(); net != nil {
		return net.Path(d)
	}
	return ""
}

// changed tells the sessions that there is something to say.
func (n *Node) changed() {
	if s := n.syncer(); s != nil {
		s.kickAll()
	}
	n.members()
}

// members tells the network who belongs to the vault and where it may be.
func (n *Node) members() {
	net := n.network()
	v, err := n.open()
	if net == nil || err != nil {
		return
	}
	m := map[object.DeviceID][]string{}
	for d := range v.view.memberChains() {
		if d == v.id {
			continue
		}
		m[d] = nil
		if k, ok := v.view.newest(d); ok {
			m[d] = slices.Clone(k.said.Addresses)
		}
	}
	if setup, err := n.home.Setup(); err == nil {
		for _, p := range setup.Peers {
			if id, err := object.ParseDeviceID(p.Device); err == nil {
				if _, ok := m[id]; ok {
					m[id] = append(m[id], p.Addrs...)
				}
			}
		}
	}
	net.SetMembers(m)
	if e, err := v.keys.Epoch(v.keys.Current); err == nil {
		net.SetRendezvous(e.Rendezvous, len(m) == 0)
	}
}

// found is told of devices that were reached or found. The one with the
// smaller id opens the session at once; the other waits for it.
func (s *syncer) found(id object.DeviceID, connected bool) {
	s.mu.Lock()
	_, have := s.sessions[id]
	busy := s.dialing[id]
	banned := time.Now().Before(s.banned[id])
	if !have && !busy && !banned {
		s.dialing[id] = true
	}
	s.mu.Unlock()
	if have || busy || banned {
		return
	}
	self := s.net.Self()
	wait := time.Duration(0)
	if compareID(object.ID(self), object.ID(id)) > 0 {
		wait = time.Second
	}
	s.wg.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.dialing, id)
			s.mu.Unlock()
		}()
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return
		}
		if s.session(id) == nil {
			if _, err := s.connect(s.ctx, id, nil); err != nil {
				s.log.Debug("session", "peer", id.String(), "err", err)
			}
		}
	})
}

func (s *syncer) session(id object.DeviceID) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

func (s *syncer) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		out = append(out, x)
	}
	return out
}

func (s *syncer) kickAll() {
	for _, x := range s.all() {
		x.kick()
	}
}

// connect opens a session to a member and returns it after its handshake.
func (s *syncer) connect(ctx context.Context, id object.DeviceID, addrs []string) (*session, error) {
	if x := s.session(id); x != nil {
		return x, nil
	}
	st, err := s.net.Dial(ctx, id, proto.SyncProtocol, addrs)
	if err != nil {
		return nil, err
	}
	x, err := s.handshake(id, st)
	if err != nil {
		// The peer was reached: it may be opening a session itself just now.
		return nil, errors.Join(fmt.Errorf("%w: %w", errLost, err), st.Reset())
	}
	s.wg.Go(func() { s.run(x) })
	return x, nil
}

// accept takes a session that a peer opened.
func (s *syncer) accept(_ context.Context, from object.DeviceID, st proto.Stream) {
	s.mu.Lock()
	banned := time.Now().Before(s.banned[from])
	s.mu.Unlock()
	if banned {
		s.reset(st)
		return
	}
	x, err := s.handshake(from, st)
	if err != nil {
		s.log.Debug("a peer did not prove itself", "peer", from.String(), "err", err)
		s.reset(st)
		return
	}
	s.run(x)
}

func (s *syncer) reset(st proto.Stream) {
	if err := st.Reset(); err != nil {
		s.log.Debug("reset", "err", err)
	}
}

// strike counts a violation; the third shuts the peer out for a while.
func (s *syncer) strike(id object.DeviceID, err error) {
	s.log.Warn("a peer broke the protocol", "peer", id.String(), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strikes[id]++
	if s.strikes[id] >= maxStrikes {
		s.strikes[id] = 0
		s.banned[id] = time.Now().Add(banTime)
	}
}

func (s *syncer) register(x *session) {
	s.mu.Lock()
	old := s.sessions[x.id]
	s.sessions[x.id] = x
	s.mu.Unlock()
	if old != nil {
		old.reset()
	}
	s.n.Bus.Publish(event.Event{Kind: event.Connected, Device: x.id.String()})
}

func (s *syncer) unregister(x *session) {
	s.mu.Lock()
	gone := s.sessions[x.id] == x
	if gone {
		delete(s.sessions, x.id)
	}
	s.mu.Unlock()
	if gone {
		s.n.Bus.Publish(event.Event{Kind: event.Disconnected, Device: x.id.String()})
	}
}

func (s *syncer) signal() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

func isViolation(err error) bool {
	return errors.Is(err, proto.ErrViolation) || errors.Is(err, cas.ErrViolation) || errors.Is(err, object.ErrRecord) ||
		errors.Is(err, object.ErrMalformed) || errors.Is(err, object.ErrAdmission) || errors.Is(err, object.ErrLimit)
}

// remember keeps a peer's address under a name.
func (n *Node) remember(p home.Peer) error {
	setup, err := n.home.Setup()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(setup.Peers, func(x home.Peer) bool { return x.Device == p.Device })
	if i >= 0 {
		setup.Peers[i].Addrs = p.Addrs
		if p.Name != "" {
			setup.Peers[i].Name = p.Name
		}
	} else {
		setup.Peers = append(setup.Peers, p)
	}
	return n.home.SetSetup(setup)
}

// Traffic is what went over the network since the network was started.
type Traffic struct {
	RoundTrips                                           uint64 // requests that were answered
	FetchedObjects, FetchedBytes, SentObjects, SentBytes uint64
}

// Traffic counts requests and blocks.
func (n *Node) Traffic() Traffic {
	s := n.syncer()
	if s == nil {
		return Traffic{}
	}
	return Traffic{s.roundTrips.Load(), s.fetchedObjects.Load(), s.fetchedBytes.Load(), s.sentObjects.Load(), s.sentBytes.Load()}
}
