package discovery

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// sysNet is where Linux describes its interfaces.
const sysNet = "/sys/class/net"

// isBridge reports whether an interface leads only to containers or virtual
// machines on this machine. A bridge with a network card in it is a LAN.
func isBridge(sys, name string) bool {
	for _, prefix := range []string{"docker", "br-", "veth"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	if _, err := os.Stat(filepath.Join(sys, name, "bridge")); err != nil {
		return false
	}
	ports, _ := os.ReadDir(filepath.Join(sys, name, "brif")) // none: it leads nowhere
	for _, p := range ports {
		if _, err := os.Stat(filepath.Join(sys, p.Name(), "device")); err == nil {
			return false
		}
		if below, _ := filepath.Glob(filepath.Join(sys, p.Name(), "lower_*")); len(below) > 0 { // a VLAN or a bond
			return false
		}
	}
	return true
}

// bridgeIPs are the addresses that this machine has on such interfaces.
func bridgeIPs() map[string]bool {
	out := map[string]bool{}
	list, err := net.Interfaces()
	if err != nil {
		return out // all count as reachable
	}
	for _, i := range list {
		if !isBridge(sysNet, i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				out[n.IP.String()] = true
			}
		}
	}
	return out
}

// reachable are the addresses to tell others: those of bridges only when there
// is nothing but them and loopback, and loopback when there is nothing else.
func reachable(all []ma.Multiaddr, bridges map[string]bool) []ma.Multiaddr {
	var outside, inner []ma.Multiaddr
	for _, a := range all {
		ip, err := manet.ToIP(a)
		switch {
		case manet.IsIPLoopback(a) || linkLocal(a):
		case err == nil && bridges[ip.String()]:
			inner = append(inner, a)
		default:
			outside = append(outside, a)
		}
	}
	for _, list := range [][]ma.Multiaddr{outside, inner} {
		if len(list) > 0 {
			return list
		}
	}
	return all
}
