package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"github.com/bsvsync/bsv/discovery"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/node"
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
}

func newDevice(t testing.TB, words string) *device {
	t.Helper()
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(ctx, node.Options{Home: h})
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
	n.StartNetwork(d.host)
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
	time.Sleep(200 * time.Millisecond) // acknowledgements under way
	before := b.Traffic()
	a.write(t, "d500/file 50", "edited")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	want := state(a)
	eventually(t, "the edit arrives", func() bool { return state(b) == want })
	after := b.Traffic()
	trips, bytes := after.RoundTrips-before.RoundTrips, after.FetchedBytes-before.FetchedBytes
	fmt.Printf("one of 100,000 files edited: %d round trips beside the announcement, %d bytes\n", trips, bytes)
	if trips > 1 || bytes > 64<<10 || bytes == 0 {
		t.Errorf("%d round trips, %d bytes", trips, bytes)
	}
}

// evil is a device that holds the vault's keys and does not keep to the
// rules.
type evil struct {
	host *discovery.Host
	dev  keyring.Device
}

func newEvil(t *testing.T) *evil {
	t.Helper()
	dev := keyring.NewDevice(testSecret().Header())
	h, err := discovery.New(context.Background(), discovery.Options{Key: dev.Signing, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &evil{h, dev}
}

func (e *evil) dial(t *testing.T, d *device, protocol string) *proto.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := e.host.Dial(ctx, d.host.Self(), protocol, d.host.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return proto.NewConn(st)
}

func (e *evil) hello(t *testing.T, from, to object.DeviceID, admitter ed25519.PrivateKey) *proto.Hello {
	t.Helper()
	s := testSecret()
	keys := s.Keys()
	chain := object.EncodeChain([]object.Admission{object.Admit(keys.Tag, 0, object.DeviceID(e.dev.ID()), e.dev.Recipient(), admitter)})
	b, err := pb.Marshal(&proto.HelloPayload{Version: 1, Chain: chain})
	if err != nil {
		t.Fatal(err)
	}
	aad := append([]byte("bsv/hello/1"), binary.BigEndian.AppendUint32(nil, 0)...)
	aad = append(append(aad, from[:]...), to[:]...)
	epoch := keys.Epochs[0]
	return &proto.Hello{Sealed: keyring.Seal(nil, &epoch.Member, aad, b)}
}

// ended reports whether the other side gave the stream up.
func ended(c *proto.Conn) error {
	for {
		var m proto.Control
		err := c.Receive(&m, proto.MaxControl)
		if err == nil {
			continue
		}
		if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
			return fmt.Errorf("the stream stays open")
		}
		return nil
	}
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
		c := e.dial(t, a, proto.SyncProtocol)
		if err := hello(e, c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ended(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := e.dial(t, a, proto.DataProtocol); d.Send(&proto.Request{Request: &proto.Request_Has{Has: &proto.Has{}}}, proto.MaxControl) == nil {
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

func TestMembersThatBreakTheRulesAreCutOff(t *testing.T) {
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
	keys := testSecret().Keys()
	records := func(c *proto.Conn, m *proto.Records) error {
		return c.Send(&proto.Control{Message: &proto.Control_Records{Records: m}}, proto.MaxControl)
	}
	for name, say := range map[string]func(e *evil, c *proto.Conn) error{
		"malformed message": func(_ *evil, c *proto.Conn) error { _, err := c.Write([]byte{3, 0xff, 0xff, 0xff}); return err },
		"empty message":     func(_ *evil, c *proto.Conn) error { return c.Send(&proto.Control{}, proto.MaxControl) },
		"oversized message": func(_ *evil, c *proto.Conn) error {
			_, err := c.Write(binary.AppendUvarint(nil, proto.MaxControl+1))
			return err
		},
		"not a record": func(_ *evil, c *proto.Conn) error { return records(c, &proto.Records{Records: [][]byte{{1, 2, 3}}}) },
		"record with a bad signature": func(e *evil, c *proto.Conn) error {
			r, err := object.SealRecord(keys, e.dev.Signing, object.Outer{Tag: keys.Tag, Device: e.host.Self(), Incarnation: 1, Seq: 1}, object.Statement{})
			if err != nil {
				return err
			}
			r.Sig[0] ^= 1
			return records(c, &proto.Records{Records: [][]byte{r.Encode()}})
		},
		"record in another's name": func(e *evil, c *proto.Conn) error {
			r, err := object.SealRecord(keys, e.dev.Signing, object.Outer{Tag: keys.Tag, Device: a.host.Self(), Incarnation: 1 << 40, Seq: 1}, object.Statement{})
			if err != nil {
				return err
			}
			return records(c, &proto.Records{Records: [][]byte{r.Encode()}})
		},
		"damaged block": func(_ *evil, c *proto.Conn) error {
			return records(c, &proto.Records{Blocks: []*proto.Block{{Ids: make([]byte, 32), Data: make([]byte, 100)}}})
		},
		"ring of nobody": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Control{Message: &proto.Control_Rings{Rings: &proto.Rings{Rings: [][]byte{{1}}}}}, proto.MaxControl)
		},
		"acknowledgement of no device": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Control{Message: &proto.Control_Ack{Ack: &proto.Ack{Device: []byte{1}}}}, proto.MaxControl)
		},
	} {
		e := newEvil(t)
		c := e.dial(t, a, proto.SyncProtocol)
		if err := c.Send(e.hello(t, e.host.Self(), a.host.Self(), testSecret().Admission()), proto.MaxHello); err != nil {
			t.Fatal(err)
		}
		var h proto.Hello
		if err := c.Receive(&h, proto.MaxHello); err != nil {
			t.Fatalf("%s: a member is not let in: %v", name, err)
		}
		if err := say(e, c); err != nil && err != io.ErrClosedPipe {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ended(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, err := a.Status(ctx)
	if err != nil || after.State != before.State || len(after.Heads) != len(before.Heads) {
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
