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
	turn    chan struct{} // holds one: who fetches
	rings   atomic.Uint64 // changes of the key rings

	mu       sync.Mutex
	sessions map[object.DeviceID]*session
	changed  chan struct{}           // closed whenever a session or a handshake begins or ends
	proving  map[object.DeviceID]int // handshakes under way
	serving  map[object.DeviceID]int // data streams
	dialing  map[object.DeviceID]bool
	breaches map[object.DeviceID]*breaches
	base     baseline
	disk     *setback // of this device's own disk; nil: none

	fetchedObjects, fetchedBytes, sentObjects, sentBytes, roundTrips atomic.Uint64
}

// maxStrikes is at which violation a peer is shut out, and banTime for how
// long at first; every further time it is twice as long, up to longestBan.
const (
	maxStrikes = 3
	banTime    = time.Minute
	longestBan = 24 * time.Hour
)

// breaches are a peer's violations.
type breaches struct {
	strikes int
	bans    int
	until   time.Time // shut out
}

// Bounds of handshakes under way: of one device, and of all.
const (
	maxProving    = 2
	maxProvingAll = 64
)

// StartNetwork begins to exchange over a network. The node owns it from now
// on.
func (n *Node) StartNetwork(net Network) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &syncer{n: n, net: net, log: n.log, ctx: ctx, cancel: cancel, arrived: make(chan struct{}, 1),
		turn: make(chan struct{}, 1), changed: make(chan struct{}), sessions: map[object.DeviceID]*session{}, proving: map[object.DeviceID]int{},
		serving: map[object.DeviceID]int{}, dialing: map[object.DeviceID]bool{}, breaches: map[object.DeviceID]*breaches{}}
	if v, err := n.open(); err == nil {
		if heads, _, err := v.view.H(ctx); err == nil { // otherwise a sync says what is wrong
			n.setBaseline(s, v, heads)
		}
	}
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
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	for _, x := range s.all() {
		x.reset()
	}
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
	m := v.view.others()
	if setup, err := n.home.Setup(); err == nil {
		for _, p := range setup.Peers {
			if id, err := object.ParseDeviceID(p.Device); err == nil {
				if _, ok := m[id]; ok {
					m[id] = append(slices.Clone(p.Addrs), m[id]...) // a person gave them
				}
			}
		}
	}
	net.SetMembers(m)
	if e, err := v.keys.Epoch(v.keys.Current); err == nil {
		net.SetRendezvous(e.Rendezvous)
	}
}

// found is told of devices that were reached or found. The one with the
// smaller id opens the session at once; the other waits for it.
func (s *syncer) found(id object.DeviceID, connected bool) {
	s.mu.Lock()
	_, have := s.sessions[id]
	busy := s.dialing[id]
	banned := s.shutOut(id)
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
	s.mu.Lock()
	banned := s.shutOut(id)
	s.mu.Unlock()
	if banned {
		return nil, errShutOut
	}
	st, err := s.net.Dial(ctx, id, proto.SyncProtocol, addrs)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.reset(st) })
	defer stop()
	done := s.prove(id)
	x, err := s.handshake(id, st, true)
	if err != nil {
		done()
		// The peer was reached: it may be opening a session itself just now.
		return nil, errors.Join(fmt.Errorf("%w: %w", errLost, err), st.Reset())
	}
	x.proven = done
	if !s.goRun(x) {
		x.reset()
		return nil, context.Canceled
	}
	return x, nil
}

// goRun serves a session beside the caller; false when the network has ended.
func (s *syncer) goRun(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Go(func() { s.run(x) })
	return true
}

var errShutOut = errors.New("the device broke the protocol: it is shut out for a while")

// accept takes a session that a peer opened.
func (s *syncer) accept(_ context.Context, from object.DeviceID, st proto.Stream) {
	s.mu.Lock()
	all := 0
	for _, n := range s.proving {
		all += n
	}
	refused := s.shutOut(from) || s.proving[from] >= maxProving || all >= maxProvingAll
	s.mu.Unlock()
	if refused {
		s.reset(st)
		return
	}
	done := s.prove(from)
	x, err := s.handshake(from, st, false)
	if err != nil {
		done()
		s.log.Debug("a peer did not prove itself", "peer", from.String(), "err", err)
		s.reset(st)
		return
	}
	x.proven = done
	s.run(x)
}

// prove notes that a handshake is under way, until the function that it
// returns is called.
func (s *syncer) prove(id object.DeviceID) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proving[id]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.proving[id]--; s.proving[id] == 0 {
			delete(s.proving, id)
		}
		s.change()
	})
}

// change wakes who waits for a session. The caller holds mu.
func (s *syncer) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// ringsChanged tells the sessions that there are new key rings.
func (s *syncer) ringsChanged() {
	s.rings.Add(1)
	s.kickAll()
}

func (s *syncer) reset(st proto.Stream) {
	if err := st.Reset(); err != nil {
		s.log.Debug("reset", "err", err)
	}
}

// strike counts a violation; every third shuts the peer out for a while.
func (s *syncer) strike(id object.DeviceID, err error) {
	s.n.hearsay.warn(s.log, "a peer broke the protocol", "peer", id.String(), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.breaches[id]
	if b == nil {
		b = &breaches{}
		s.breaches[id] = b
	}
	if b.strikes++; b.strikes < maxStrikes {
		return
	}
	b.strikes = 0
	b.until = time.Now().Add(min(longestBan, banTime<<min(b.bans, 16)))
	b.bans++
}

// shutOut reports whether a peer broke the rules too often. The caller holds
// mu.
func (s *syncer) shutOut(id object.DeviceID) bool {
	b := s.breaches[id]
	return b != nil && time.Now().Before(b.until)
}

// register makes x the session with its peer. Of two that were dialled from
// both sides at once both ends keep the one of the smaller id; otherwise the
// newer one takes the older one's place.
func (s *syncer) register(x *session) bool {
	better := func(x *session) bool {
		return x.out == (compareID(object.ID(x.v.id), object.ID(x.id)) < 0)
	}
	s.mu.Lock()
	old := s.sessions[x.id]
	if old != nil && old.out != x.out && better(old) {
		s.mu.Unlock()
		x.proven()
		return false
	}
	s.sessions[x.id] = x
	s.change()
	s.mu.Unlock()
	x.proven()
	if old != nil {
		old.reset()
	}
	s.n.Bus.Publish(event.Event{Kind: event.Connected, Device: x.id.String()})
	return true
}

func (s *syncer) unregister(x *session) {
	s.mu.Lock()
	gone := s.sessions[x.id] == x
	if gone {
		delete(s.sessions, x.id)
		s.change()
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
	return s.traffic()
}

func (s *syncer) traffic() Traffic {
	return Traffic{s.roundTrips.Load(), s.fetchedObjects.Load(), s.fetchedBytes.Load(), s.sentObjects.Load(), s.sentBytes.Load()}
}
