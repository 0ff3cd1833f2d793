package discovery

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// quicDelay is how long QUIC waits for TCP on a private network, where TCP
// with TLS is three times as fast.
const quicDelay = 300 * time.Millisecond

// rank dials private TCP addresses at once and private QUIC ones a little
// later; all others as libp2p does.
func rank(addrs []ma.Multiaddr) []network.AddrDelay {
	var near, far []ma.Multiaddr
	for _, a := range addrs {
		if manet.IsPrivateAddr(a) || manet.IsIPLoopback(a) {
			near = append(near, a)
		} else {
			far = append(far, a)
		}
	}
	out := swarm.DefaultDialRanker(far)
	tcp := false
	for _, a := range near {
		tcp = tcp || isTCP(a)
	}
	for _, a := range near {
		d := time.Duration(0)
		if tcp && !isTCP(a) {
			d = quicDelay
		}
		out = append(out, network.AddrDelay{Addr: a, Delay: d})
	}
	return out
}

func isTCP(a ma.Multiaddr) bool {
	_, err := a.ValueForProtocol(ma.P_TCP)
	return err == nil
}
