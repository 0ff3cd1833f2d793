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
)

// privateNetworks are those in which redialling is never limited: the default
// of 0.2 connections a second, own dials included, would lock a device out of
// its own LAN for a minute after every cut.
func privateNetworks() []string {
	return []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"}
}

// limits is the resource manager: libp2p's defaults, but for connection rates.
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
	rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(lim.AutoScale()), rcmgr.WithMetricsDisabled(),
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
