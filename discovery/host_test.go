package discovery

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// patience is how long what must happen may take on a loaded machine;
// TestRedial measures against its own bound.
const patience = 20 * time.Second

// peerHost is a host of a test and what it was told of.
type peerHost struct {
	*Host
	key   ed25519.PrivateKey
	found chan object.DeviceID // of every device that is connected
}

func start(t *testing.T, key ed25519.PrivateKey, listen string) *peerHost {
	t.Helper()
	if key == nil {
		var err error
		if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	h, err := New(t.Context(), Options{Key: key, Listen: []string{listen}})
	if err != nil {
		t.Fatal(err)
	}
	p := &peerHost{h, key, make(chan object.DeviceID, 1024)}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		h.Found(ctx, func(id object.DeviceID, connected bool) {
			if connected {
				select {
				case p.found <- id:
				default:
				}
			}
		})
	})
	t.Cleanup(func() {
		cancel()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return p
}

const loopback = "/ip4/127.0.0.1/tcp/0"

// knows makes each of two hosts a member of the other.
func knows(a, b *peerHost) {
	a.SetMembers(map[object.DeviceID][]string{b.Self(): b.Addrs()})
	b.SetMembers(map[object.DeviceID][]string{a.Self(): a.Addrs()})
}

// waitFor waits until a host is told of another, and says how long it took.
func (p *peerHost) waitFor(t *testing.T, id object.DeviceID) time.Duration {
	t.Helper()
	begin := time.Now()
	end := time.After(patience)
	for {
		select {
		case got := <-p.found:
			if got == id {
				return time.Since(begin)
			}
		case <-end:
			t.Fatal("never connected")
		}
	}
}

func (p *peerHost) drain() {
	for {
		select {
		case <-p.found:
		default:
			return
		}
	}
}

// Members on loopback find each other by their addresses alone; a connection
// that is lost, and a device that comes back, are there again within 2 s.
func TestRedial(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	knows(a, b)
	a.waitFor(t, b.Self())
	if a.Path(b.Self()) == "" {
		t.Error("no path to a connected device")
	}
	id, err := peerID(b.Self())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.h.Network().ClosePeer(id); err != nil {
		t.Fatal(err)
	}
	a.drain()
	if took := a.waitFor(t, b.Self()); took > 2*time.Second {
		t.Errorf("a lost connection is back after %v", took)
	}
	addr := b.h.Addrs()[0].String()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for a.h.Network().Connectedness(id) == network.Connected {
		a.waitFor(t, b.Self())
	}
	a.drain()
	again := start(t, b.key, addr)
	again.SetMembers(map[object.DeviceID][]string{a.Self(): nil}) // a must come to it
	if took := a.waitFor(t, b.Self()); took > 2*time.Second {
		t.Errorf("a device that came back is reached after %v", took)
	}
}

// Who is no member any more is not kept connected.
func TestMembersAreForgotten(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	knows(a, b)
	a.waitFor(t, b.Self())
	a.SetMembers(nil)
	b.SetMembers(nil)
	id, err := peerID(b.Self())
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	kept := len(a.keepers)
	a.mu.Unlock()
	if kept != 0 || len(a.h.Peerstore().PeersWithAddrs()) > 2 { // libp2p keeps its own address, and those of open connections
		t.Errorf("%d devices are kept, %v have addresses", kept, a.h.Peerstore().PeersWithAddrs())
	}
	if a.h.ConnManager().IsProtected(id, "member") {
		t.Error("the connection is protected for ever")
	}
}

// Streams carry bytes both ways, and only Ed25519 ids name devices.
func TestStreams(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	type call struct {
		from object.DeviceID
		text string
	}
	calls := make(chan call, 1)
	b.Handle(proto.DataProtocol, func(_ context.Context, from object.DeviceID, s proto.Stream) {
		text, err := io.ReadAll(s)
		if err == nil {
			_, err = s.Write(text)
		}
		if err != nil || s.Close() != nil {
			t.Error(err)
		}
		calls <- call{from, string(text)}
	})
	s, err := a.Dial(t.Context(), b.Self(), proto.DataProtocol, b.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "hello" {
		t.Errorf("%q comes back: %v", got, err)
	}
	if got := <-calls; got.from != a.Self() || got.text != "hello" {
		t.Errorf("%+v", got)
	}
	if _, err := a.Dial(t.Context(), b.Self(), "/bsv/none/1", b.Addrs()); err == nil {
		t.Error("a protocol that nobody handles is spoken")
	}
	other := start(t, nil, loopback)
	if _, err := a.Dial(t.Context(), other.Self(), proto.DataProtocol, b.Addrs()); err == nil {
		t.Error("b's address answers for another device")
	}
}

// A connection on which heartbeats are not answered is closed after 2 s, but
// not while bytes move on it.
func TestHeartbeat(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	mute := make(chan struct{})
	b.h.SetStreamHandler(beatProtocol, func(s network.Stream) {
		<-mute
		_ = s.Reset() // the test is over
	})
	t.Cleanup(func() { close(mute) })
	b.Handle(proto.DataProtocol, func(_ context.Context, _ object.DeviceID, s proto.Stream) {
		_, _ = io.Copy(io.Discard, s) // until it is cut
	})
	s, err := a.Dial(t.Context(), b.Self(), proto.DataProtocol, b.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	a.SetMembers(map[object.DeviceID][]string{b.Self(): b.Addrs()})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	const busy = 3 * beatTimeout
	var failed time.Duration
	for failed == 0 {
		<-tick.C
		since := time.Since(begin)
		if since > busy+patience {
			t.Fatal("a dead connection stays")
		}
		if since < busy {
			if _, err := s.Write(make([]byte, 1000)); err != nil {
				t.Fatalf("a connection that moves bytes is closed after %v: %v", since, err)
			}
			continue
		}
		if s.(stream).Conn().IsClosed() {
			failed = since
		}
	}
	if quiet := failed - busy; quiet > 2*beatTimeout+beatEvery+time.Second {
		t.Errorf("a dead connection is closed after %v", quiet)
	}
}
