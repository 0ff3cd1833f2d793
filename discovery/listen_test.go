package discovery

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// onPort makes a host whose default port is another, and tells what it logs.
func onPort(t *testing.T, port int, listen ...string) (*Host, *bytes.Buffer, error) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	h, err := New(t.Context(), Options{Key: key, Listen: listen, Log: slog.New(slog.NewTextHandler(&text, nil)), port: port})
	if err == nil {
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return h, &text, err
}

// freePort is a port that nobody listens on, by TCP and UDP.
func freePort(t *testing.T) int {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := net.ListenPacket("udp", ":"+strconv.Itoa(port))
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// ports of the addresses that a host says it listens on, with what is spoken
// there.
func ports(h *Host) map[string]int {
	out := map[string]int{}
	for _, a := range h.h.Addrs() {
		for _, what := range []int{ma.P_TCP, ma.P_UDP} {
			if v, err := a.ValueForProtocol(what); err == nil {
				n, _ := strconv.Atoi(v)
				kind := ma.ProtocolWithCode(what).Name
				if ip, err := manet.ToIP(a); err == nil && ip.To4() == nil {
					kind += "6"
				}
				out[kind] = n
			}
		}
	}
	return out
}

// The second node of a machine takes other ports, by TCP and QUIC, says why,
// and is reached at each address that it tells.
func TestPortTaken(t *testing.T) {
	port := freePort(t)
	first, said, err := onPort(t, port)
	if err != nil {
		t.Fatal(err)
	}
	if got := ports(first); got["tcp"] != port || got["udp"] != port || said.Len() > 0 {
		t.Fatalf("the first listens on %v and says %q, want port %d alone", got, said, port)
	}
	second, said, err := onPort(t, port)
	if err != nil {
		t.Fatal(err)
	}
	got := ports(second)
	for _, what := range []string{"tcp", "udp"} {
		if got[what] == 0 {
			t.Errorf("the second has no %s: %v", what, got)
		}
	}
	for what, n := range got {
		if n == port {
			t.Errorf("the second listens by %s on the port of the first", what)
		}
	}
	if !strings.Contains(said.String(), fmt.Sprintf("port %d is taken", port)) {
		t.Errorf("the second says %q", said)
	}
	for _, h := range []*Host{first, second} {
		var own []ma.Multiaddr // of loopback, and so on this machine alone
		for what, n := range ports(h) {
			switch what {
			case "tcp":
				own = append(own, ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", n)))
			case "udp":
				own = append(own, ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", n)))
			}
		}
		for _, a := range own {
			for range 3 {
				caller, _, err := onPort(t, 0, loopback, "/ip4/127.0.0.1/udp/0/quic-v1")
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				if err := caller.h.Connect(ctx, peer.AddrInfo{ID: h.h.ID(), Addrs: []ma.Multiaddr{a}}); err != nil {
					t.Errorf("%s: %v", a, err)
				}
				cancel()
			}
		}
	}
}

// A part of the port is enough: TCP and QUIC stay together.
func TestPortTakenInPart(t *testing.T) {
	port := freePort(t)
	u, err := net.ListenPacket("udp4", ":"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	h, said, err := onPort(t, port)
	if err != nil {
		t.Fatal(err)
	}
	if got := ports(h); got["tcp"] == port || got["udp"] == 0 || !strings.Contains(said.String(), "is taken") {
		t.Errorf("listens on %v, says %q", got, said)
	}
}

// An address that was asked for and is taken is an error that names it.
func TestAskedAddressTaken(t *testing.T) {
	first, _, err := onPort(t, 0, loopback, "/ip4/127.0.0.1/udp/0/quic-v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range first.h.Addrs() {
		_, _, err := onPort(t, 0, loopback, a.String())
		var taken *TakenError
		if !errors.As(err, &taken) || taken.Addr != a.String() || !strings.Contains(err.Error(), a.String()) {
			t.Errorf("%s: %v", a, err)
		}
	}
	// What does not exist here is left out, as long as something is left.
	h, said, err := onPort(t, 0, loopback, "/ip4/192.0.2.1/tcp/0")
	if err != nil || len(h.h.Addrs()) != 1 || !strings.Contains(said.String(), "192.0.2.1") {
		t.Errorf("%v, says %q", err, said)
	}
	if _, _, err := onPort(t, 0, "/ip4/192.0.2.1/tcp/0"); err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("nothing to listen on: %v", err)
	}
}

// A node that is started again at once has its port again, though connections
// of the one before are in TIME_WAIT.
func TestRestartedAtOnce(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	c, err := net.DialTimeout("tcp4", l.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // who closes first, waits
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Fatal("the connection does not end")
	}
	c.Close()
	l.Close()
	addr := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)
	first := start(t, nil, addr)
	other := start(t, nil, loopback)
	knows(first, other)
	first.waitFor(t, other.Self())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, first.key, addr)
	knows(again, other)
	again.waitFor(t, other.Self())
}
