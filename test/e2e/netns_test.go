package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// lan is one bridge in a namespace of its own, so that neither the host's
// forwarding policy nor its interfaces matter, and a namespace per device.
type lan struct {
	t      *testing.T
	prefix string
	n      int
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	program(t, "ip")
	l := &lan{t: t, prefix: fmt.Sprintf("bsv%d", os.Getpid()%100000)}
	if out, err := exec.Command("ip", "netns", "add", l.prefix).CombinedOutput(); err != nil {
		t.Skipf("skipped: cannot make a network namespace: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", l.prefix).Run() })
	l.ip("-n", l.prefix, "link", "add", "br0", "type", "bridge")
	l.ip("-n", l.prefix, "link", "set", "br0", "up")
	return l
}

func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// join gives the device a namespace and a cable to the bridge.
func (l *lan) join(d *device) {
	l.t.Helper()
	l.n++
	d.netns = fmt.Sprintf("%s-%d", l.prefix, l.n)
	ns, port := d.netns, fmt.Sprintf("p%d", l.n)
	l.ip("netns", "add", ns)
	l.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	l.ip("link", "add", "eth0", "netns", ns, "type", "veth", "peer", "name", port, "netns", l.prefix)
	l.ip("-n", l.prefix, "link", "set", port, "master", "br0", "up")
	l.ip("-n", ns, "addr", "add", fmt.Sprintf("10.77.0.%d/24", l.n), "dev", "eth0")
	l.ip("-n", ns, "link", "set", "lo", "up")
	l.ip("-n", ns, "link", "set", "eth0", "up")
}

func (l *lan) port(d *device) string { return "p" + d.netns[strings.LastIndexByte(d.netns, '-')+1:] }

// cut pulls the device's cable; heal puts it back.
func (l *lan) cut(d *device)  { l.t.Helper(); l.ip("-n", l.prefix, "link", "set", l.port(d), "down") }
func (l *lan) heal(d *device) { l.t.Helper(); l.ip("-n", l.prefix, "link", "set", l.port(d), "up") }

// isolate keeps two devices apart while each still reaches the others.
func (l *lan) isolate(a, b *device) {
	l.t.Helper()
	for _, p := range []*device{a, b} {
		l.ip("-n", l.prefix, "link", "set", "dev", l.port(p), "type", "bridge_slave", "isolated", "on")
	}
}

func converged(ds ...*device) error {
	var first status
	for i, d := range ds {
		s := d.status()
		if s.State == "" {
			return fmt.Errorf("%s has no state yet", d.name)
		}
		if len(s.Pending) > 0 {
			return fmt.Errorf("%s has pending heads", d.name)
		}
		if i == 0 {
			first = s
		} else if s.State != first.State {
			return fmt.Errorf("%s shows %.12s, %s shows %.12s", ds[0].name, first.State, d.name, s.State)
		}
	}
	return nil
}

func sameFiles(ds ...*device) error {
	first := listing(ds[0].t, ds[0].dir)
	for _, d := range ds[1:] {
		if diff := first.differences(listing(d.t, d.dir)); len(diff) > 0 {
			return fmt.Errorf("%s and %s differ:\n%s", ds[0].name, d.name, lines(diff))
		}
	}
	return nil
}

func inSync(ds ...*device) error {
	if err := sameFiles(ds...); err != nil {
		return err
	}
	return converged(ds...)
}

func (d *device) invite() string {
	d.t.Helper()
	var r struct {
		Ticket string `json:"ticket"`
	}
	d.json(&r, "invite")
	return r.Ticket
}

type conflictList struct {
	Conflicts []struct {
		Path   string   `json:"path"`
		Type   string   `json:"type"`
		Copies []string `json:"copies"`
	} `json:"conflicts"`
}

// Two devices on one LAN, nothing configured but join.
func TestLANTwoDevices(t *testing.T) {
	l := newLAN(t)
	a, b := newDevice(t, "a"), newDevice(t, "b")
	l.join(a)
	l.join(b)
	write(t, filepath.Join(a.dir, "hello.txt"), "hello from a\n")
	a.start(a.dir)
	b.start()
	b.ok("join", a.invite(), "/docs="+b.dir)
	d := eventually(t, 30*time.Second, "the first sync", func() error { return inSync(a, b) })
	t.Logf("first sync %v after join", d.Round(time.Millisecond))

	var took []time.Duration
	for i := range 20 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		text := fmt.Sprintf("save %d\n", i)
		write(t, filepath.Join(from.dir, "saved.txt"), text)
		took = append(took, eventually(t, 30*time.Second, "a saved file arrives", func() error {
			if got := read(filepath.Join(to.dir, "saved.txt")); got != text {
				return fmt.Errorf("there is %q", got)
			}
			return nil
		}))
		eventually(t, 30*time.Second, "both show one state", func() error { return inSync(a, b) })
	}
	slices.Sort(took)
	t.Logf("a saved file on the other device: median %v, slowest %v of %d", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(took))

	l.cut(b)
	write(t, filepath.Join(a.dir, "both.txt"), "written by a\n")
	write(t, filepath.Join(b.dir, "both.txt"), "written by b\n")
	write(t, filepath.Join(a.dir, "hello.txt"), "edited by a\n")
	write(t, filepath.Join(b.dir, "only-b.txt"), "b alone\n")
	for _, d := range []*device{a, b} {
		eventually(t, 30*time.Second, d.name+" keeps what it wrote", func() error {
			if !strings.Contains(d.ok("ls", "/docs"), "both.txt") {
				return fmt.Errorf("both.txt is in no snapshot yet")
			}
			return nil
		})
	}
	time.Sleep(3 * time.Second) // long enough for both to notice the cut
	l.heal(b)
	healed := eventually(t, 60*time.Second, "both converge after the heal", func() error { return inSync(a, b) })
	t.Logf("converged %v after the heal", healed.Round(time.Millisecond))

	versions := map[string]bool{}
	for p, v := range listing(t, a.dir) {
		if strings.HasPrefix(p, "both") && strings.HasPrefix(v, "file") {
			versions[read(filepath.Join(a.dir, p))] = true
		}
	}
	if !versions["written by a\n"] || !versions["written by b\n"] {
		t.Fatalf("a version is lost: %v", versions)
	}
	if got := read(filepath.Join(b.dir, "hello.txt")); got != "edited by a\n" {
		t.Fatalf("b has %q", got)
	}
	var ca, cb conflictList
	a.json(&ca, "conflicts")
	b.json(&cb, "conflicts")
	if len(ca.Conflicts) != 1 || fmt.Sprint(ca) != fmt.Sprint(cb) || len(ca.Conflicts[0].Copies) != 1 {
		t.Fatalf("conflicts differ:\n%+v\n%+v", ca, cb)
	}
	for _, d := range []*device{a, b} {
		d.stop()
	}
}

// Three devices, two of which never meet: news travels through the third.
func TestLANThreeDevicesTwoNeverMeet(t *testing.T) {
	l := newLAN(t)
	a, m, b := newDevice(t, "a"), newDevice(t, "middle"), newDevice(t, "b")
	for _, d := range []*device{a, m, b} {
		l.join(d)
	}
	l.isolate(a, b)
	write(t, filepath.Join(a.dir, "from-a.txt"), "a\n")
	m.start(m.dir)
	a.start()
	a.ok("join", m.invite(), "/docs="+a.dir)
	b.start()
	b.ok("join", m.invite(), "/docs="+b.dir)
	write(t, filepath.Join(b.dir, "from-b.txt"), "b\n")
	eventually(t, 60*time.Second, "all three in sync", func() error { return inSync(a, m, b) })
	neverMet := func(when string) {
		t.Helper()
		ids := map[string]string{}
		for _, d := range []*device{a, m, b} {
			ids[d.status().Device] = d.name
		}
		for _, d := range []*device{a, b} {
			for _, p := range d.status().Peers {
				if met := p.State == "connected"; met != (ids[p.ID] == "middle") {
					t.Fatalf("%s: %s and %s are %s", when, d.name, ids[p.ID], p.State)
				}
			}
		}
	}
	neverMet("at first")

	l.cut(m)
	write(t, filepath.Join(a.dir, "all.txt"), "of a\n")
	write(t, filepath.Join(b.dir, "all.txt"), "of b\n")
	write(t, filepath.Join(m.dir, "all.txt"), "of the middle\n")
	for _, d := range []*device{a, m, b} {
		eventually(t, 30*time.Second, d.name+" keeps its version", func() error {
			if !strings.Contains(d.ok("ls", "/docs"), "all.txt") {
				return fmt.Errorf("not in a snapshot yet")
			}
			return nil
		})
	}
	time.Sleep(3 * time.Second)
	l.heal(m)
	healed := eventually(t, 60*time.Second, "all three converge", func() error { return inSync(a, m, b) })
	t.Logf("converged %v after the heal", healed.Round(time.Millisecond))
	neverMet("after the heal")
	found := map[string]bool{}
	for p, v := range listing(t, b.dir) {
		if strings.HasPrefix(p, "all") && strings.HasPrefix(v, "file") {
			found[read(filepath.Join(b.dir, p))] = true
		}
	}
	if len(found) != 3 {
		t.Fatalf("of three versions there are %v", found)
	}
	lists := map[string]bool{}
	for _, d := range []*device{a, m, b} {
		var c conflictList
		d.json(&c, "conflicts")
		lists[fmt.Sprint(c)] = true
	}
	if len(lists) != 1 {
		t.Fatalf("conflicts are listed differently: %v", lists)
	}
}

// An empty directory that is mapped where the vault has files is filled; it
// deletes nothing.
func TestLANEmptyMappingRevertsNothing(t *testing.T) {
	l := newLAN(t)
	a, b := newDevice(t, "a"), newDevice(t, "b")
	l.join(a)
	l.join(b)
	for i := range 60 {
		write(t, filepath.Join(a.dir, fmt.Sprintf("photo-%02d.jpg", i)), strings.Repeat("x", i*100))
	}
	before := listing(t, a.dir)
	a.start(a.dir)
	b.start()
	b.ok("join", a.invite())
	b.ok("map", "add", "/docs", b.dir)
	eventually(t, 60*time.Second, "the empty directory is filled", func() error { return inSync(a, b) })
	same(t, "a after b mapped an empty directory", before, listing(t, a.dir))
}

// freePort returns a port of loopback that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
