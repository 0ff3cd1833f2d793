package discovery

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// Options of New.
type Options struct {
	Key    ed25519.PrivateKey
	Listen []string // multiaddrs; empty: DefaultPort of all interfaces, or a free one
	MDNS   bool
	Log    *slog.Logger

	port int // of tests, in place of DefaultPort
}

// Host is this device on the network.
type Host struct {
	h      host.Host
	self   object.DeviceID
	log    *slog.Logger
	mdnsOn bool
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	announce   chan struct{}                                      // the name or the network has changed
	newService func(name string, n *notifee) (mdnsService, error) // begins to announce

	mu       sync.Mutex
	closed   bool
	members  map[peer.ID]bool
	expected map[string]ma.Multiaddr // from where members are let in always
	keepers  map[peer.ID]*keeper
	name     string // of mDNS
	handlers map[string]bool
	found    func(object.DeviceID, bool)
	moved    map[string]*atomic.Uint64 // bytes by connection
}

// New begins to listen.
func New(ctx context.Context, o Options) (*Host, error) {
	key, err := crypto.UnmarshalEd25519PrivateKey(o.Key)
	if err != nil {
		return nil, fmt.Errorf("start network: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &Host{log: log, mdnsOn: o.MDNS, members: map[peer.ID]bool{}, keepers: map[peer.ID]*keeper{}, handlers: map[string]bool{}, announce: make(chan struct{}, 1), moved: map[string]*atomic.Uint64{}}
	h.newService = h.startService
	copy(h.self[:], o.Key.Public().(ed25519.PublicKey))
	if h.h, err = startHost(key, o.Listen, cmp.Or(o.port, DefaultPort), log); err != nil {
		return nil, err
	}
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	h.h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) { h.note(c.RemotePeer(), true) },
		DisconnectedF: func(_ network.Network, c network.Conn) {
			h.mu.Lock()
			delete(h.moved, c.ID())
			h.mu.Unlock()
			h.wake(c.RemotePeer())
		},
	})
	h.h.SetStreamHandler(beatProtocol, answerBeat)
	h.wg.Go(func() { watchNetwork(h.ctx, h.networkChanged) })
	if h.mdnsOn {
		h.wg.Go(h.announcer)
	}
	return h, nil
}

// newHost makes a host that does not listen yet. TCP goes without SO_REUSEPORT:
// with it two processes may listen on one port, and the kernel gives each
// connection to either. What it is for, dialing from the port that is listened
// on, helps to find out and to open the ports of a router; QUIC, which has one
// socket for both, does that.
func newHost(key crypto.PrivKey) (host.Host, error) {
	rm, err := limits()
	if err != nil {
		return nil, err
	}
	cm, err := connmgr.NewConnManager(fewConns, manyConns, connmgr.WithGracePeriod(time.Minute))
	if err != nil {
		return nil, err
	}
	cert, err := timeless()
	if err != nil {
		return nil, err
	}
	mux := *yamux.DefaultTransport
	mux.InitialStreamWindowSize = 4 << 20
	mux.MaxStreamWindowSize = 16 << 20
	return libp2p.New(
		libp2p.Identity(key), libp2p.NoListenAddrs, libp2p.ResourceManager(rm), libp2p.ConnectionManager(cm),
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()), libp2p.Transport(libp2pquic.NewTransport, libp2pquic.WithTLSIdentityOption(libp2ptls.WithCertTemplate(cert))),
		libp2p.Security(libp2ptls.ID, newSecurity), libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, &mux), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.SwarmOpts(swarm.WithDialTimeoutLocal(3*time.Second), swarm.WithDialRanker(rank)),
		libp2p.UserAgent("bsv"), libp2p.Ping(false),
	)
}

// Self is this device.
func (h *Host) Self() object.DeviceID { return h.self }

func peerID(d object.DeviceID) (peer.ID, error) {
	return peer.Decode(d.String())
}

func deviceID(p peer.ID) (object.DeviceID, bool) {
	d, err := object.ParseDeviceID(p.String())
	return d, err == nil
}

// Addrs are the multiaddrs of this device with its id; those of container
// bridges and of loopback only when it listens on nothing else.
func (h *Host) Addrs() []string {
	var out []string
	for _, a := range reachable(h.h.Addrs(), bridgeIPs()) {
		out = append(out, a.String()+"/p2p/"+h.h.ID().String())
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(a) - len(b) })
	return out
}

func linkLocal(a ma.Multiaddr) bool {
	ip, err := manet.ToIP(a)
	return err == nil && ip.IsLinkLocalUnicast()
}

// stream adapts a libp2p stream and counts what it moves: a connection that
// moves bytes is alive, even when heartbeats wait behind them.
type stream struct {
	network.Stream
	moved *atomic.Uint64
}

func (s stream) Reset() error { return s.Stream.Reset() }

func (s stream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	s.moved.Add(uint64(n))
	return n, err
}

func (s stream) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k, err := s.Stream.Write(b[n:min(n+writePiece, len(b))])
		s.moved.Add(uint64(k))
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// writePiece is after how many bytes a long write counts as movement.
const writePiece = 64 << 10

// movedBy counts the bytes of a connection.
func (h *Host) movedBy(c network.Conn) *atomic.Uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.moved[c.ID()]
	if n == nil {
		n = &atomic.Uint64{}
		if !c.IsClosed() {
			h.moved[c.ID()] = n
		}
	}
	return n
}

// Dial opens a stream of a protocol, connecting first when needed.
func (h *Host) Dial(ctx context.Context, id object.DeviceID, proto_ string, addrs []string) (proto.Stream, error) {
	p, err := peerID(id)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	h.addAddrs(p, addrs, peerstore.TempAddrTTL)
	if h.h.Network().Connectedness(p) != network.Connected {
		if s, ok := h.h.Network().(*swarm.Swarm); ok {
			s.Backoff().Clear(p)
		}
		if err := h.h.Connect(ctx, peer.AddrInfo{ID: p}); err != nil {
			return nil, fmt.Errorf("dial %s: %w", id, err)
		}
	}
	s, err := h.h.NewStream(ctx, p, protocol.ID(proto_))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", id, err)
	}
	return stream{s, h.movedBy(s.Conn())}, nil
}

func (h *Host) addAddrs(p peer.ID, addrs []string, ttl time.Duration) {
	for _, s := range addrs {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			h.log.Debug("address", "addr", s, "err", err)
			continue
		}
		if tr, _ := peer.SplitAddr(a); tr != nil {
			h.h.Peerstore().AddAddr(p, tr, ttl)
		}
	}
}

// Handle sets who takes the streams of a protocol.
func (h *Host) Handle(proto_ string, f func(context.Context, object.DeviceID, proto.Stream)) {
	h.h.SetStreamHandler(protocol.ID(proto_), func(s network.Stream) {
		id, ok := deviceID(s.Conn().RemotePeer())
		if !ok || !h.begin() {
			_ = s.Reset() // not an Ed25519 identity, or the host is closing
			return
		}
		defer h.wg.Done()
		f(h.ctx, id, stream{s, h.movedBy(s.Conn())})
	})
	h.mu.Lock()
	h.handlers[proto_] = true
	h.mu.Unlock()
}

// begin counts work that Close waits for; false when the host is closing.
func (h *Host) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Add(1)
	return true
}

// Found calls f whenever a device was reached or found.
func (h *Host) Found(ctx context.Context, f func(object.DeviceID, bool)) {
	h.mu.Lock()
	h.found = f
	h.mu.Unlock()
	for _, p := range h.h.Network().Peers() {
		h.note(p, true)
	}
	<-ctx.Done()
	h.mu.Lock()
	h.found = nil
	h.mu.Unlock()
}

func (h *Host) note(p peer.ID, connected bool) {
	id, ok := deviceID(p)
	h.mu.Lock()
	f := h.found
	member := h.members[p]
	h.mu.Unlock()
	if ok && f != nil && (member || !connected) {
		f(id, connected)
	}
}

// Path is the remote address in use, "" when there is no connection.
func (h *Host) Path(id object.DeviceID) string {
	p, err := peerID(id)
	if err != nil {
		return ""
	}
	for _, c := range h.h.Network().ConnsToPeer(p) {
		return c.RemoteMultiaddr().String()
	}
	return ""
}

// Close ends everything and waits for it.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.cancel()
	h.name = ""
	protos := h.handlers
	h.handlers = map[string]bool{}
	h.mu.Unlock()
	for id := range protos {
		h.h.RemoveStreamHandler(protocol.ID(id))
	}
	err := h.h.Close()
	h.wg.Wait()
	return err
}
