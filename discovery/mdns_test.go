package discovery

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/bsvsync/bsv/object"
)

// service is an announcement that counts.
type service struct{ open *atomic.Int64 }

func (s service) Close() error { s.open.Add(-1); return nil }

// However often the name and networks change, and though the host is closed
// meanwhile, no announcement stays.
func TestAnnouncementsEnd(t *testing.T) {
	for range 20 {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		h, err := New(t.Context(), Options{Key: key, Listen: []string{loopback}})
		if err != nil {
			t.Fatal(err)
		}
		var open, begun atomic.Int64
		announced := make(chan string, 1000)
		h.newService = func(name string, _ *notifee) (mdnsService, error) {
			begun.Add(1)
			if open.Add(1) > 1 {
				t.Error("two announcements at once")
			}
			announced <- name
			return service{&open}, nil
		}
		h.wg.Go(h.announcer) // without libp2p's own, which needs multicast
		h.SetRendezvous([32]byte{1})
		if a := <-announced; a != "_bsv-zdwkp6odxorz72qz._udp" {
			t.Errorf("announced is %s", a)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					h.SetRendezvous([32]byte{byte(i), byte(j)})
					h.networkChanged()
				}
			})
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if n := open.Load(); n != 0 {
			t.Fatalf("%d of %d announcements stay", n, begun.Load())
		}
	}
}

// The name of a vault tells nothing of it and differs from every other's.
func TestRendezvousName(t *testing.T) {
	a := start(t, nil, loopback)
	name := func(key byte) string {
		a.SetRendezvous([32]byte{key})
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.name
	}
	first, other := name(1), name(2)
	if first != "_bsv-zdwkp6odxorz72qz._udp" {
		t.Errorf("the name of a vault has changed: %s", first)
	}
	if first == other || name(1) != first || len(name(1)) != len("_bsv-")+16+len("._udp") {
		t.Errorf("names %s and %s", name(1), name(2))
	}
}

func someone(t *testing.T, n int) peer.AddrInfo {
	t.Helper()
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n)+1)
	key := ed25519.NewKeyFromSeed(seed[:])
	pub, err := crypto.UnmarshalEd25519PublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	pi := peer.AddrInfo{ID: id}
	for i := range 40 { // ports at which nobody listens
		pi.Addrs = append(pi.Addrs, ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1+i)))
	}
	return pi
}

// Anybody on the LAN sees the name and can announce thousands of devices: few
// are tried, with few addresses, and one that is real is reached all the same.
func TestFloodOfAnnouncements(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	n := &notifee{a.Host}
	flood := func() {
		for i := range 2000 {
			n.HandlePeerFound(someone(t, i))
		}
	}
	flood()
	a.mu.Lock()
	kept := len(a.keepers)
	a.mu.Unlock()
	if kept > maxFound {
		t.Errorf("%d devices are tried", kept)
	}
	known := a.h.Peerstore().PeersWithAddrs()
	for end := time.Now().Add(patience); len(known) > maxFound+1 && time.Now().Before(end); { // and this device; a dial that has begun may end after its device was given up
		time.Sleep(10 * time.Millisecond)
		known = a.h.Peerstore().PeersWithAddrs()
	}
	if len(known) > maxFound+1 {
		t.Errorf("%d devices have addresses", len(known))
	}
	for _, p := range known {
		if p != a.h.ID() && len(a.h.Peerstore().Addrs(p)) > maxAddrs {
			t.Errorf("%d addresses of one device", len(a.h.Peerstore().Addrs(p)))
		}
	}
	id, err := peerID(b.Self())
	if err != nil {
		t.Fatal(err)
	}
	real := peer.AddrInfo{ID: id, Addrs: b.h.Addrs()}
	connected := func() bool { return len(a.h.Network().ConnsToPeer(id)) > 0 }
	for end := time.Now().Add(patience); !connected() && time.Now().Before(end); {
		n.HandlePeerFound(real) // as long as no attempt has failed there is no room
		time.Sleep(10 * time.Millisecond)
	}
	if !connected() {
		t.Error("a real device is not reached")
	}
}

// A found device that does not become a member is given up in time.
func TestFoundDevicesAreGivenUp(t *testing.T) {
	a := start(t, nil, loopback)
	pi := someone(t, 1)
	(&notifee{a.Host}).HandlePeerFound(pi)
	a.mu.Lock()
	k := a.keepers[pi.ID]
	if k == nil {
		t.Fatal("it is not tried")
	}
	k.until = time.Now().Add(-time.Second)
	a.mu.Unlock()
	a.wake(pi.ID)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		a.mu.Lock()
		left := len(a.keepers)
		a.mu.Unlock()
		if left == 0 {
			if n := len(a.h.Peerstore().Addrs(pi.ID)); n != 0 {
				t.Errorf("%d addresses stay", n)
			}
			return
		}
	}
	t.Error("it is tried for ever")
}

// Two devices of one vault that are no members of each other yet are told of
// each other by an announcement; one's own tells nothing.
func TestFoundStranger(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	id, err := peerID(b.Self())
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan object.DeviceID, 10)
	a.mu.Lock()
	a.Host.found = func(d object.DeviceID, connected bool) { told <- d }
	a.mu.Unlock()
	(&notifee{a.Host}).HandlePeerFound(peer.AddrInfo{ID: a.h.ID(), Addrs: a.h.Addrs()})
	select {
	case d := <-told:
		t.Errorf("told of %s", d)
	default:
	}
	(&notifee{a.Host}).HandlePeerFound(peer.AddrInfo{ID: id, Addrs: b.h.Addrs()})
	if d := <-told; d != b.Self() {
		t.Errorf("told of %s", d)
	}
}

func TestOwnSubnet(t *testing.T) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range own {
		ip := o.(*net.IPNet).IP
		family := "ip6"
		if ip.To4() != nil {
			family = "ip4"
		}
		if a := ma.StringCast("/" + family + "/" + ip.String() + "/tcp/1"); !onOwnSubnet(a) {
			t.Errorf("%s is an own address", a)
		}
	}
	if onOwnSubnet(ma.StringCast("/ip4/203.0.113.9/tcp/1")) {
		t.Error("203.0.113.9 is on no subnet of a machine")
	}
	if !onOwnSubnet(ma.StringCast("/dns4/example.org/tcp/1")) {
		t.Error("a name may be anywhere")
	}
}
