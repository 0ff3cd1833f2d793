package memnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// ErrUnreachable is wrapped by errors of Dial.
var ErrUnreachable = errors.New("no such host can be reached")

// tellEvery is how often a host is told again of the members that it reaches.
const tellEvery = time.Second

// Net joins hosts.
type Net struct {
	mu      sync.Mutex
	hosts   map[object.DeviceID]*Host
	cut     map[link]bool
	streams map[*Stream]link
}

// link names two hosts, the smaller id first.
type link [2]object.DeviceID

func linkOf(a, b object.DeviceID) link {
	if string(b[:]) < string(a[:]) {
		a, b = b, a
	}
	return link{a, b}
}

// New returns a network without hosts.
func New() *Net {
	return &Net{hosts: map[object.DeviceID]*Host{}, cut: map[link]bool{}, streams: map[*Stream]link{}}
}

// Join adds a host. One of the same id takes the older one's place.
func (n *Net) Join(id object.DeviceID) *Host {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Host{n: n, id: id, ctx: ctx, cancel: cancel, handlers: map[string]Handler{}, members: map[object.DeviceID]bool{}}
	n.mu.Lock()
	n.hosts[id] = h
	n.mu.Unlock()
	return h
}

// Cut ends all streams between two hosts and lets none begin.
func (n *Net) Cut(a, b object.DeviceID) {
	n.mu.Lock()
	n.cut[linkOf(a, b)] = true
	var over []*Stream
	for s, l := range n.streams {
		if l == linkOf(a, b) {
			over = append(over, s)
		}
	}
	n.mu.Unlock()
	for _, s := range over {
		_ = s.Reset() // of memory: it cannot fail
	}
}

// Heal undoes Cut.
func (n *Net) Heal(a, b object.DeviceID) {
	n.mu.Lock()
	delete(n.cut, linkOf(a, b))
	hosts := []*Host{n.hosts[a], n.hosts[b]}
	n.mu.Unlock()
	for _, h := range hosts {
		if h != nil {
			h.tell()
		}
	}
}

// Streams counts the streams that are open between two hosts.
func (n *Net) Streams(a, b object.DeviceID) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, l := range n.streams {
		if l == linkOf(a, b) {
			count++
		}
	}
	return count
}

// host returns a host that another one reaches.
func (n *Net) host(from, to object.DeviceID) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if from == to || n.cut[linkOf(from, to)] {
		return nil
	}
	return n.hosts[to]
}

// Handler takes a stream.
type Handler = func(ctx context.Context, from object.DeviceID, s proto.Stream)

// Host is one device on the network.
type Host struct {
	n      *Net
	id     object.DeviceID
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	handlers   map[string]Handler
	members    map[object.DeviceID]bool
	rendezvous [32]byte
	found      func(object.DeviceID, bool)
}

// Self is the host's id.
func (h *Host) Self() object.DeviceID { return h.id }

// Addrs are the addresses of the host.
func (h *Host) Addrs() []string {
	return []string{"/memory/" + h.id.String() + "/p2p/" + h.id.String()}
}

// Dial opens a stream to a host that is reached; addrs are not needed.
func (h *Host) Dial(ctx context.Context, id object.DeviceID, protocol string, _ []string) (proto.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	to := h.n.host(h.id, id)
	if to == nil {
		return nil, fmt.Errorf("dial %s: %w", id, ErrUnreachable)
	}
	near, far := Pipe()
	over := sync.OnceFunc(func() {
		h.n.mu.Lock()
		delete(h.n.streams, near)
		h.n.mu.Unlock()
	})
	near.gone, far.gone = over, over
	to.mu.Lock()
	f := to.handlers[protocol]
	if f == nil || to.closed {
		to.mu.Unlock()
		return nil, fmt.Errorf("dial %s: protocol %s: %w", id, protocol, ErrUnreachable)
	}
	h.n.mu.Lock()
	h.n.streams[near] = linkOf(h.id, id)
	h.n.mu.Unlock()
	to.wg.Go(func() { f(to.ctx, h.id, far) })
	to.mu.Unlock()
	return near, nil
}

// Handle sets who takes the streams of a protocol.
func (h *Host) Handle(protocol string, f Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handlers[protocol] = f
}

// SetMembers says whom the host is told of when it reaches them.
func (h *Host) SetMembers(m map[object.DeviceID][]string) {
	h.mu.Lock()
	h.members = map[object.DeviceID]bool{}
	for id := range m {
		h.members[id] = true
	}
	h.mu.Unlock()
	h.tell()
}

// SetRendezvous sets the key by which hosts find each other; two hosts of the
// same key are told of each other, members already or not.
func (h *Host) SetRendezvous(key [32]byte) {
	h.mu.Lock()
	same := h.rendezvous == key
	h.rendezvous = key
	h.mu.Unlock()
	if !same {
		h.tell()
	}
}

// tell calls found for the hosts that are reached.
func (h *Host) tell() {
	h.n.mu.Lock()
	var others []*Host
	for _, o := range h.n.hosts {
		if o != h && !h.n.cut[linkOf(h.id, o.id)] {
			others = append(others, o)
		}
	}
	h.n.mu.Unlock()
	h.mu.Lock()
	f, members, key := h.found, h.members, h.rendezvous
	h.mu.Unlock()
	if f == nil {
		return
	}
	for _, o := range others {
		o.mu.Lock()
		meets := key != [32]byte{} && o.rendezvous == key
		o.mu.Unlock()
		if members[o.id] {
			f(o.id, true)
		} else if meets {
			f(o.id, false)
		}
	}
}

// Found calls f for every host that is reached, and again every second, until
// ctx ends.
func (h *Host) Found(ctx context.Context, f func(object.DeviceID, bool)) {
	h.mu.Lock()
	h.found = f
	h.mu.Unlock()
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for ctx.Err() == nil {
		h.tell()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	h.mu.Lock()
	h.found = nil
	h.mu.Unlock()
}

// Path is the address in use to a host, "" when it is not reached.
func (h *Host) Path(id object.DeviceID) string {
	if h.n.host(h.id, id) == nil {
		return ""
	}
	return "/memory/" + id.String()
}

// Close takes the host off the network and waits for its handlers.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.n.mu.Lock()
	if h.n.hosts[h.id] == h {
		delete(h.n.hosts, h.id)
	}
	var over []*Stream
	for s, l := range h.n.streams {
		if l[0] == h.id || l[1] == h.id {
			over = append(over, s)
		}
	}
	h.n.mu.Unlock()
	for _, s := range over {
		_ = s.Reset() // of memory: it cannot fail
	}
	h.wg.Wait()
	return nil
}
