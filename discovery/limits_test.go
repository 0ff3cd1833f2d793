package discovery

import (
	"context"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/test"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// On a private network redialling is never limited; from the internet it is.
func TestConnectionRates(t *testing.T) {
	rm, err := limits()
	if err != nil {
		t.Fatal(err)
	}
	defer rm.Close()
	for addr, free := range map[string]bool{
		"/ip4/127.0.0.1/tcp/1": true, "/ip4/192.168.1.7/tcp/1": true, "/ip4/10.1.2.3/udp/1/quic-v1": true, "/ip6/fe80::1/tcp/1": true,
		"/ip4/203.0.113.9/tcp/1": false, "/ip6/2001:db8::1/tcp/1": false,
	} {
		refused := 0
		for range 200 {
			s, err := rm.OpenConnection(network.DirOutbound, false, ma.StringCast(addr))
			if err != nil {
				refused++
				continue
			}
			s.Done()
		}
		if free != (refused == 0) {
			t.Errorf("%s: %d of 200 attempts are refused", addr, refused)
		}
	}
}

func TestRanker(t *testing.T) {
	delays := map[string]time.Duration{}
	for _, d := range rank([]ma.Multiaddr{
		ma.StringCast("/ip4/192.168.1.7/udp/1/quic-v1"), ma.StringCast("/ip4/192.168.1.7/tcp/1"),
		ma.StringCast("/ip4/203.0.113.9/udp/1/quic-v1"), ma.StringCast("/ip4/203.0.113.9/tcp/1"),
	}) {
		delays[d.Addr.String()] = d.Delay
	}
	if len(delays) != 4 {
		t.Fatalf("%v", delays)
	}
	if d := delays["/ip4/192.168.1.7/tcp/1"]; d != 0 {
		t.Errorf("TCP on a LAN waits %v", d)
	}
	if d := delays["/ip4/192.168.1.7/udp/1/quic-v1"]; d != quicDelay {
		t.Errorf("QUIC on a LAN waits %v", d)
	}
	if delays["/ip4/203.0.113.9/udp/1/quic-v1"] >= delays["/ip4/203.0.113.9/tcp/1"] {
		t.Error("on the internet QUIC is not first")
	}
	only := rank([]ma.Multiaddr{ma.StringCast("/ip4/10.0.0.1/udp/1/quic-v1")})
	if len(only) != 1 || only[0].Delay != 0 {
		t.Errorf("QUIC waits for a TCP that is not there: %v", only)
	}
}

// However many connections strangers hold, a member comes in.
func TestStrangersHoldAllConnections(t *testing.T) {
	a, b := start(t, nil, loopback), start(t, nil, loopback)
	stranger := start(t, nil, loopback)
	from := []string{"/ip4/127.0.0.1/tcp/1"} // it is not reached there
	a.SetMembers(map[object.DeviceID][]string{b.Self(): from, stranger.Self(): from})
	a.SetMembers(map[object.DeviceID][]string{b.Self(): from}) // the other is no member any more
	a.Handle(proto.SyncProtocol, func(_ context.Context, _ object.DeviceID, s proto.Stream) { _ = s.Close() })
	rm := a.h.Network().ResourceManager()
	held := 0
	for ; held < 100_000; held++ {
		s, err := rm.OpenConnection(network.DirInbound, false, ma.StringCast("/ip4/127.0.0.1/tcp/1"))
		if err != nil {
			break
		}
		defer s.Done()
		if s.SetPeer(test.RandPeerIDFatal(t)) != nil {
			break
		}
	}
	if held <= manyConns {
		t.Errorf("%d connections are all: none is ever trimmed", held)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := stranger.Dial(ctx, a.Self(), proto.SyncProtocol, a.Addrs()); err == nil {
		t.Error("one more stranger comes in")
	}
	if _, err := b.Dial(ctx, a.Self(), proto.SyncProtocol, a.Addrs()); err != nil {
		t.Error(err)
	}
}
