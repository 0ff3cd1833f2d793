package discovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

type mdnsService = io.Closer

const pairService = "_bsv-pair._udp"

// SetRendezvous sets the names under which this device is found on a LAN: one
// that only devices of the vault know, and with pairing one that all know.
func (h *Host) SetRendezvous(key [32]byte, pairing bool) {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("bsv/1/mdns"))
	names := []string{"_bsv-" + strings.ToLower(base32.StdEncoding.EncodeToString(m.Sum(nil)[:10])) + "._udp"}
	if pairing {
		names = append(names, pairService)
	}
	h.mu.Lock()
	same := slices.Equal(names, h.names)
	h.names = names
	h.mu.Unlock()
	if !same {
		h.restartMDNS()
	}
}

// restartMDNS announces the names anew, with the addresses of now.
func (h *Host) restartMDNS() {
	if !h.mdnsOn || h.ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	old, names := h.services, h.names
	h.services = map[string]mdnsService{}
	h.mu.Unlock()
	for _, s := range old {
		if err := s.Close(); err != nil {
			h.log.Debug("mdns", "err", err)
		}
	}
	for _, name := range names {
		s := mdns.NewMdnsService(h.h, name, &notifee{h, name})
		if err := s.Start(); err != nil {
			h.log.Debug("mdns", "err", err)
			continue
		}
		h.mu.Lock()
		h.services[name] = s
		h.mu.Unlock()
	}
}

type notifee struct {
	h    *Host
	name string
}

// HandlePeerFound is told of a device on the LAN. Whoever knows the vault's
// name is worth a connection, member already or not: three devices with the
// same recovery words meet so.
func (n *notifee) HandlePeerFound(pi peer.AddrInfo) {
	if n.name == pairService || pi.ID == n.h.h.ID() {
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
	n.h.h.Peerstore().AddAddrs(pi.ID, use, peerstore.PermanentAddrTTL)
	n.h.mu.Lock()
	n.h.keep(pi.ID)
	n.h.mu.Unlock()
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
