package discovery

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	ma "github.com/multiformats/go-multiaddr"
)

// Bridges to containers are told from bridges of a LAN by what hangs on them.
func TestBridges(t *testing.T) {
	sys := t.TempDir()
	for _, dir := range []string{
		"eth0/device", "bond0/lower_eth0", "vethab12", "tap0",
		"virbr0/bridge", "virbr0/brif/tap0", "idle/bridge", "idle/brif",
		"vmbr0/bridge", "vmbr0/brif/eth0", "vmbr0/brif/tap0", "vmbr1/bridge", "vmbr1/brif/bond0",
	} {
		if err := os.MkdirAll(filepath.Join(sys, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{
		"eth0": false, "wlan0": false, "lo": false, "bond0": false, "vmbr0": false, "vmbr1": false,
		"docker0": true, "docker_gwbridge": true, "br-0f3a": true, "vethab12": true, "virbr0": true, "idle": true,
	} {
		if got := isBridge(sys, name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Others are told of the best addresses that there are.
func TestReachable(t *testing.T) {
	const lan, docker, loop = "/ip4/192.168.1.7/tcp/1", "/ip4/172.17.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"
	const docker6, link = "/ip6/fd00::1/tcp/1", "/ip6/fe80::1/tcp/1"
	bridges := map[string]bool{"172.17.0.1": true, "fd00::1": true}
	for _, c := range []struct{ all, want []string }{
		{[]string{loop, docker, lan, docker6, link}, []string{lan}},
		{[]string{loop, docker, docker6, link}, []string{docker, docker6}},
		{[]string{loop, link}, []string{loop, link}},
		{[]string{loop}, []string{loop}},
		{[]string{"/dns4/example.org/tcp/1", docker}, []string{"/dns4/example.org/tcp/1"}},
	} {
		var all []ma.Multiaddr
		for _, s := range c.all {
			all = append(all, ma.StringCast(s))
		}
		var got []string
		for _, a := range reachable(all, bridges) {
			got = append(got, a.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.all, got, c.want)
		}
	}
}
