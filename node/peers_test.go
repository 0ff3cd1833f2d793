package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/discovery"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

func testSecret() keyring.Secret {
	var s keyring.Secret
	copy(s[:], "a test's own secret of 32 bytes.")
	return s
}

// device is a node over real libp2p on loopback.
type device struct {
	*node.Node
	dir  string
	host *discovery.Host
	net  *meter
}

func newDevice(t testing.TB, words string) *device { return newDeviceAt(t, words, nil) }

// newDeviceAt is newDevice with a clock.
func newDeviceAt(t testing.TB, words string, now func() time.Time) *device {
	t.Helper()
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(ctx, node.Options{Home: h, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := &device{Node: n, dir: filepath.Join(tmp, "docs")}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if words != "" {
		if _, err := n.Init(ctx, node.InitRequest{Words: words, Dirs: []string{d.dir}}); err != nil {
			t.Fatal(err)
		}
	}
	if d.host, err = discovery.New(ctx, discovery.Options{Key: n.Identity(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}}); err != nil {
		t.Fatal(err)
	}
	d.net = &meter{Network: d.host}
	n.StartNetwork(d.net)
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *device) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// Of 100,000 files one is edited: the other device has the new state after at
// most one round trip and 64 KiB.
func TestOneEditOfManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 files")
	}
	ctx := context.Background()
	a := newDevice(t, testSecret().Words())
	for i := range 1000 {
		sub := filepath.Join(a.dir, fmt.Sprintf("d%03d", i))
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file %d", j)), fmt.Appendf(nil, "%d %d", i, j), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	b := newDevice(t, "")
	inv, err := a.Invite(ctx, node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(ctx, node.JoinRequest{Ticket: inv.Ticket}); err != nil {
		t.Fatal(err)
	}
	state := func(d *device) string {
		s, err := d.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Pending) > 0 {
			return "pending"
		}
		return s.State
	}
	eventually(t, "the first state arrives", func() bool { return state(a) == state(b) })
	upToDate := func(d *device) bool {
		p, err := d.Peers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Peers) == 1 && p.Peers[0].UpToDate
	}
	settled := func() { // both know that the other has everything: nothing more is said
		t.Helper()
		eventually(t, "both are up to date", func() bool { return upToDate(a) && upToDate(b) })
	}
	settled()
	before := b.Traffic()
	b.net.begin()
	a.write(t, "d500/file 50", "edited")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	want := state(a)
	eventually(t, "the edit arrives", func() bool { return state(b) == want })
	_, trips := b.net.read()
	settled()
	bytes, _ := b.net.read()
	after := b.Traffic()
	asked := after.RoundTrips - before.RoundTrips
	fmt.Printf("one of 100,000 files edited: %d requests and %d round trips until it is there, %d bytes both ways on all streams, %d of blocks\n", asked, trips, bytes, after.FetchedBytes-before.FetchedBytes)
	if asked > 1 || trips > 1 || bytes > 64<<10 || bytes == 0 {
		t.Errorf("%d requests, %d round trips, %d bytes", asked, trips, bytes)
	}
}

// The same in memory: what is counted does not depend on libp2p.
func TestOneEditInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		for i := range 20 {
			if err := os.Mkdir(filepath.Join(a.dir, fmt.Sprintf("d%02d", i)), 0o755); err != nil {
				t.Fatal(err)
			}
			for j := range 100 {
				a.write(fmt.Sprintf("d%02d/file %d", i, j), fmt.Sprintf("%d %d", i, j))
			}
		}
		a.save()
		b := newMember(t, net, testSecret().Words())
		quiet(10 * time.Second)
		b.net.begin()
		a.write("d10/file 50", "edited")
		a.save()
		quiet(10 * time.Second)
		bytes, trips := b.net.read()
		t.Logf("%d round trips, %d bytes", trips, bytes)
		if a.status().State != b.status().State || trips > 1 || bytes > 64<<10 {
			t.Errorf("%d round trips, %d bytes", trips, bytes)
		}
	})
}

func TestStrangersAreCutOff(t *testing.T) {
	ctx := context.Background()
	a := newDevice(t, testSecret().Words())
	a.write(t, "x", "x")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	before, err := a.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	admission := testSecret().Admission()
	for name, hello := range map[string]func(e *evil, c *proto.Conn) error{
		"garbage": func(_ *evil, c *proto.Conn) error { _, err := c.Write(bytes.Repeat([]byte{0xff}, 100)); return err },
		"oversized": func(_ *evil, c *proto.Conn) error {
			_, err := c.Write(binary.AppendUvarint(nil, 1<<40))
			return err
		},
		"no key": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Hello{Sealed: make([]byte, 100)}, proto.MaxHello)
		},
		"reflected": func(_ *evil, c *proto.Conn) error {
			var h proto.Hello
			if err := c.Receive(&h, proto.MaxHello); err != nil {
				return err
			}
			return c.Send(&h, proto.MaxHello)
		},
		"meant for another": func(e *evil, c *proto.Conn) error {
			return c.Send(e.hello(t, e.host.Self(), object.DeviceID{9}, admission), proto.MaxHello)
		},
		"of another sender": func(e *evil, c *proto.Conn) error {
			return c.Send(e.hello(t, object.DeviceID{9}, a.host.Self(), admission), proto.MaxHello)
		},
		"self-made admission": func(e *evil, c *proto.Conn) error {
			return c.Send(e.hello(t, e.host.Self(), a.host.Self(), e.dev.Signing), proto.MaxHello)
		},
	} {
		e := newEvil(t)
		c := e.dial(t, a.host, proto.SyncProtocol)
		if err := hello(e, c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ended(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := e.dial(t, a.host, proto.DataProtocol); d.Send(&proto.Request{Request: &proto.Request_Has{Has: &proto.Has{}}}, proto.MaxControl) == nil {
			if _, _, _, err := d.ReceiveFrame(); err == nil {
				t.Errorf("%s: a stranger is answered", name)
			}
		}
	}
	after, err := a.Status(ctx)
	if err != nil || after.State != before.State || len(after.Peers) != 0 {
		t.Fatalf("%+v %v", after, err)
	}
}

func TestWordsAdmit(t *testing.T) {
	ctx := context.Background()
	a := newDevice(t, testSecret().Words())
	a.write(t, "x", "x")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	b := newDevice(t, "")
	r, err := b.RepoAdd(ctx, node.RepoAddRequest{Addr: a.host.Addrs()[0]})
	if err != nil || r.Words == "" {
		t.Fatal(r, err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := b.JoinConfirm(ctx, node.ConfirmRequest{Accept: true, Maps: []string{"/docs=" + b.dir}})
		done <- err
	}()
	var q node.ApproveResult
	eventually(t, "the request is seen", func() bool {
		q, err = a.Approve(ctx, node.ApproveRequest{})
		return err == nil
	})
	if q.Words != r.Words {
		t.Fatalf("the screens show %q and %q", q.Words, r.Words)
	}
	if _, err := a.Approve(ctx, node.ApproveRequest{ID: q.Device, Words: "other words than these"}); err == nil {
		t.Fatal("other words are accepted")
	}
	if _, err := a.Approve(ctx, node.ApproveRequest{ID: q.Device, Words: q.Words}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(b.dir, "x")); err != nil || string(got) != "x" {
		t.Fatal(string(got), err)
	}
}
