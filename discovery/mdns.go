package discovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"io"
	"net"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

type mdnsService = io.Closer

// SetRendezvous sets the key of the name under which this device is found on a
// LAN: only devices of the vault know it.
func (h *Host) SetRendezvous(key [32]byte) {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("bsv/1/mdns"))
	name := "_bsv-" + strings.ToLower(base32.StdEncoding.EncodeToString(m.Sum(nil)[:10])) + "._udp"
	h.mu.Lock()
	same := name == h.name
	h.name = name
	h.mu.Unlock()
	if !same {
		h.reannounce()
	}
}

// reannounce has the name announced anew, with the addresses of now.
func (h *Host) reannounce() {
	select {
	case h.announce <- struct{}{}:
	default: // it has not begun yet
	}
}

// retryAnnounce is when announcing is tried again: there may be no interface
// for a while.
const retryAnnounce = 5 * time.Second

// announcer alone holds the running service, so that none is left over
// however often the network changes. It ends it with the host.
func (h *Host) announcer() {
	var running mdnsService
	stop := func() {
		if running == nil {
			return
		}
		if err := running.Close(); err != nil {
			h.log.Debug("mdns", "err", err)
		}
		running = nil
	}
	defer stop()
	var retry <-chan time.Time
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.announce:
		case <-retry:
		}
		stop()
		retry = nil
		h.mu.Lock()
		name := h.name
		h.mu.Unlock()
		if name == "" {
			continue
		}
		s, err := h.newService(name, &notifee{h})
		if err != nil {
			h.log.Debug("mdns", "err", err)
			retry = time.After(retryAnnounce)
			continue
		}
		running = s
	}
}

func (h *Host) startService(name string, n *notifee) (mdnsService, error) {
	s := mdns.NewMdnsService(h.h, name, n)
	return s, s.Start()
}

type notifee struct{ h *Host }

// Bounds of what anybody on the LAN can announce: the name can be seen there.
const (
	maxFound  = 64               // devices that are no members, at once
	foundFor  = 10 * time.Minute // how long such a one is tried
	maxAddrs  = 16               // addresses of one announcement, or record: whoever makes it says where we dial
	memberFor = time.Hour        // how long a member's announced addresses are kept; those of records stay
)

// HandlePeerFound is told of a device on the LAN. Whoever knows the vault's
// name is worth a connection, member already or not: three devices with the
// same recovery words meet so.
func (n *notifee) HandlePeerFound(pi peer.AddrInfo) {
	if pi.ID == n.h.h.ID() {
		return
	}
	if _, ok := deviceID(pi.ID); !ok {
		return
	}
	var use []ma.Multiaddr
	for _, a := range pi.Addrs {
		if !manet.IsIPLoopback(a) && onOwnSubnet(a) {
			use = append(use, a)
		}
	}
	if len(use) == 0 {
		use = pi.Addrs
	}
	ttl := memberFor
	if !n.h.isMember(pi.ID) {
		if !n.h.meet(pi.ID) {
			n.h.log.Debug("too many devices are announced", "peer", pi.ID.String())
			return
		}
		ttl = foundFor
	}
	n.h.h.Peerstore().AddAddrs(pi.ID, use[:min(len(use), maxAddrs)], ttl)
	n.h.wake(pi.ID)
	n.h.note(pi.ID, false)
}

// onOwnSubnet drops addresses of bridges inside the other machine.
func onOwnSubnet(a ma.Multiaddr) bool {
	ip, err := manet.ToIP(a)
	if err != nil {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok && n.Contains(ip) {
			return true
		}
	}
	return false
}
