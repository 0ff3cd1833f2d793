package discovery

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/bsvsync/bsv/object"
)

// privateNetworks are those in which redialling is never limited: the default
// of 0.2 connections a second, own dials included, would lock a device out of
// its own LAN for a minute after every cut.
func privateNetworks() []string {
	return []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"}
}

// Connections of devices that are no members are trimmed to fewConns when there
// are more than manyConns. So many may be there: by libp2p's default, which
// depends on the memory, they were all taken before.
const (
	fewConns   = 64
	manyConns  = 256
	maxInbound = 320
)

// limits is the resource manager: libp2p's defaults, but for connections.
func limits() (network.ResourceManager, error) {
	var free []rate.PrefixLimit
	var v4, v6 []rcmgr.NetworkPrefixLimit
	for _, s := range privateNetworks() {
		p := netip.MustParsePrefix(s)
		free = append(free, rate.PrefixLimit{Prefix: p}) // the zero limit is none
		l := rcmgr.NetworkPrefixLimit{Network: p, ConnCount: math.MaxInt}
		if p.Addr().Is4() {
			v4 = append(v4, l)
		} else {
			v6 = append(v6, l)
		}
	}
	lim := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&lim)
	conns := rcmgr.ResourceLimits{Conns: 2 * maxInbound, ConnsInbound: maxInbound}
	scaled := rcmgr.PartialLimitConfig{System: conns, AllowlistedSystem: conns}.Build(lim.AutoScale())
	rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(scaled), rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit(v4, v6),
		rcmgr.WithConnRateLimiters(&rate.Limiter{NetworkPrefixLimits: free, SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 2, Burst: 32}}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: 2, Burst: 32}}},
			GracePeriod:      time.Minute}}))
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	return rm, nil
}

// expect lets members in from the addresses that they gave, also when others hold
// all connections that there may be. The caller holds mu.
func (h *Host) expect(members map[object.DeviceID][]string) {
	list := rcmgr.GetAllowlist(h.h.Network().ResourceManager())
	if list == nil {
		return
	}
	expected := map[string]ma.Multiaddr{}
	for id, addrs := range members {
		for _, text := range addrs[:min(len(addrs), maxAddrs)] {
			a, err := ma.NewMultiaddr(text)
			if err != nil {
				continue // told of elsewhere
			}
			ip, err := manet.ToIP(a)
			if err != nil {
				continue // a name
			}
			from, err := manet.FromIP(ip)
			if err != nil {
				continue
			}
			from = from.Encapsulate(ma.StringCast("/p2p/" + id.String()))
			expected[from.String()] = from
		}
	}
	for key, a := range expected {
		if h.expected[key] == nil {
			if err := list.Add(a); err != nil {
				h.log.Debug("expect", "addr", key, "err", err)
			}
		}
	}
	for key, a := range h.expected {
		if expected[key] == nil {
			if err := list.Remove(a); err != nil {
				h.log.Debug("expect", "addr", key, "err", err)
			}
		}
	}
	h.expected = expected
}
