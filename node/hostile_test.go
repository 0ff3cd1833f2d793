package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// pairOf is two honest devices on loopback that share a directory.
func pairOf(t *testing.T) (a, b *device) {
	t.Helper()
	ctx := context.Background()
	a = newDevice(t, testSecret().Words())
	a.write(t, "x", "x")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	b = newDevice(t, "")
	inv, err := a.Invite(ctx, node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(ctx, node.JoinRequest{Ticket: inv.Ticket, Maps: []string{"/docs=" + b.dir}}); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// stillServes checks that an honest device gets what a writes, and that a
// holds what it held.
func stillServes(t *testing.T, a, b *device, text string) {
	t.Helper()
	ctx := context.Background()
	a.write(t, "after", text)
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if _, err := b.Sync(ctx, node.SyncRequest{Repos: []string{a.host.Self().String()}}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for name, want := range map[string]string{"x": "x", "after": text} {
		if got, err := os.ReadFile(filepath.Join(b.dir, name)); err != nil || string(got) != want {
			t.Fatalf("%s: the honest device gets %q: %v", text, got, err)
		}
	}
}

// Members that break the rules of the control stream, or answer a request with
// what no honest device sends, are cut off; the node goes on to serve.
func TestMembersThatBreakTheRulesAreCutOff(t *testing.T) {
	gigabyte := zeros(t, 1<<30)
	a, b := pairOf(t)
	data := func(f func(e *evil, c *proto.Conn)) func(*evil, *proto.Conn) error {
		return func(e *evil, c *proto.Conn) error { return e.lure(c, func(c *proto.Conn) { f(e, c) }) }
	}
	raw := func(b []byte) func(*evil, *proto.Conn) error {
		return data(func(_ *evil, c *proto.Conn) { _, _ = c.Write(b) }) // it may be cut off already
	}
	for name, say := range map[string]func(e *evil, c *proto.Conn) error{
		"malformed message": func(_ *evil, c *proto.Conn) error { _, err := c.Write([]byte{3, 0xff, 0xff, 0xff}); return err },
		"empty message":     func(_ *evil, c *proto.Conn) error { return c.Send(&proto.Control{}, proto.MaxControl) },
		"oversized message": func(_ *evil, c *proto.Conn) error {
			_, err := c.Write(binary.AppendUvarint(nil, proto.MaxControl+1))
			return err
		},
		"endless length": func(_ *evil, c *proto.Conn) error { _, err := c.Write(bytes.Repeat([]byte{0xff}, 100)); return err },
		"not a record": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Control{Message: &proto.Control_Records{Records: &proto.Records{Records: [][]byte{{1, 2, 3}}}}}, proto.MaxControl)
		},
		"record with a bad signature": func(e *evil, c *proto.Conn) error {
			r := e.record(object.ID{}, object.ID{})
			r.Sig[0] ^= 1
			return announce(c, []object.Record{r})
		},
		"record that does not open": func(e *evil, c *proto.Conn) error {
			wrong := *e.keys
			epoch := wrong.Epochs[0]
			epoch.Record[0] ^= 1
			wrong.Epochs = map[uint32]keyring.Epoch{0: epoch}
			r, err := object.SealRecord(&wrong, e.dev.Signing, object.Outer{Tag: e.keys.Tag, Device: e.host.Self(), Incarnation: 1, Seq: 1}, object.Statement{})
			if err != nil {
				return err
			}
			return announce(c, []object.Record{r})
		},
		"record in another's name": func(e *evil, c *proto.Conn) error {
			r, err := object.SealRecord(e.keys, e.dev.Signing, object.Outer{Tag: e.keys.Tag, Device: a.host.Self(), Incarnation: 1 << 40, Seq: 1}, object.Statement{})
			if err != nil {
				return err
			}
			return announce(c, []object.Record{r})
		},
		"damaged block": func(e *evil, c *proto.Conn) error {
			return announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, &proto.Block{Ids: make([]byte, 32), Data: make([]byte, 100)})
		},
		"block without ids": func(e *evil, c *proto.Conn) error {
			return announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, &proto.Block{Data: make([]byte, 100)})
		},
		"block of other objects": func(e *evil, c *proto.Conn) error {
			k := e.block(noise(1, 5000))
			k.Ids[0] ^= 1
			return announce(c, []object.Record{e.record(object.ID(k.Ids), object.ID{})}, k)
		},
		"object of no canonical form": func(e *evil, c *proto.Conn) error {
			k := e.block(thing{object.KindTree, []byte("no tree at all")})
			return announce(c, []object.Record{e.record(object.ID(k.Ids), object.ID{})}, k)
		},
		"blocks that nobody named": func(e *evil, c *proto.Conn) error {
			for i := range 20 { // what is forgiven ends
				if err := announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, e.block(noise(100+i, 150<<10))); err != nil {
					return nil // cut off meanwhile
				}
			}
			return nil
		},
		"blocks without a record": func(e *evil, c *proto.Conn) error { return announce(c, nil, e.block(noise(2, 100))) },
		"too many inline blocks": func(e *evil, c *proto.Conn) error {
			return announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, e.block(noise(3, 100<<10)), e.block(noise(4, 100<<10)))
		},
		"bomb": func(e *evil, c *proto.Conn) error {
			return announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, e.bomb(gigabyte, 1<<20))
		},
		"bomb that tells its size": func(e *evil, c *proto.Conn) error {
			return announce(c, []object.Record{e.record(object.ID{}, object.ID{})}, e.bomb(gigabyte, 1<<30))
		},
		"ring of nobody": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Control{Message: &proto.Control_Rings{Rings: &proto.Rings{Rings: [][]byte{{1}}}}}, proto.MaxControl)
		},
		"acknowledgement of no device": func(_ *evil, c *proto.Conn) error {
			return c.Send(&proto.Control{Message: &proto.Control_Ack{Ack: &proto.Ack{Device: []byte{1}}}}, proto.MaxControl)
		},
		"answer of unrequested objects": data(func(e *evil, c *proto.Conn) {
			for i := range 4 {
				_ = give(c, e.block(noise(10+i, 1<<20))) // it may be cut off already
			}
			_ = c.SendEnd(&proto.End{}) // as above
		}),
		"answer of wrong objects": data(func(e *evil, c *proto.Conn) {
			k := e.block(noise(20, 1000))
			k.Ids[5] ^= 1
			_ = give(c, k) // as above
		}),
		"answer with a bomb":          data(func(e *evil, c *proto.Conn) { _ = give(c, e.bomb(gigabyte, 8<<20)) }),
		"answer with a damaged block": data(func(e *evil, c *proto.Conn) { _ = give(c, &proto.Block{Ids: make([]byte, 32), Data: make([]byte, 64)}) }),
		"oversized frame":             raw([]byte{1, 0xff, 0xff, 0xff, 0xff}),
		"frame of no type":            raw([]byte{9, 0, 0, 0, 0}),
		"frame without ids":           raw([]byte{1, 4, 0, 0, 0, 0, 0, 0, 0}),
		"frame of too many ids":       raw([]byte{1, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}),
		"short frame":                 raw([]byte{1, 1, 0, 0, 0, 0}),
		"malformed end":               raw([]byte{2, 3, 0, 0, 0, 0xff, 0xff, 0xff}),
	} {
		t.Run(name, func(t *testing.T) {
			before := heads(t, a)
			e := newEvil(t)
			c := e.session(t, a.host)
			if err := say(e, c); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Fatal(err)
			}
			if err := ended(c); err != nil {
				t.Error(err)
			}
			if got := heads(t, a); len(got) != 1 || got[0] != before[0] {
				t.Errorf("heads %v, then %v", before, got)
			}
		})
	}
	stillServes(t, a, b, "after all of them")
}

func heads(t *testing.T, d *device) []string {
	t.Helper()
	s, err := d.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s.Heads
}

// What a member may say, however useless, harms nobody: neither heads that are
// something else, nor requests for what is not there, nor floods.
func TestMembersThatAreOfNoUse(t *testing.T) {
	a, b := pairOf(t)
	ask := func(e *evil, t *testing.T, q *proto.Request) (*proto.End, error) {
		d := e.dial(t, a.host, proto.DataProtocol)
		if err := d.Send(q, proto.MaxControl); err != nil {
			return nil, err
		}
		for {
			_, _, end, err := d.ReceiveFrame()
			if err != nil || end != nil {
				return end, err
			}
		}
	}
	unknown := func(n, size int) (out [][]byte) {
		for i := range n {
			o := noise(i, size)
			out = append(out, o.plain)
		}
		return out
	}
	for name, do := range map[string]func(t *testing.T, e *evil, c *proto.Conn){
		"a head that is a chunk": func(t *testing.T, e *evil, c *proto.Conn) {
			o := noise(30, 500)
			if err := announce(c, []object.Record{e.record(e.id(o), object.ID{})}, e.block(o)); err != nil {
				t.Error(err)
			}
		},
		"settings that are a chunk": func(t *testing.T, e *evil, c *proto.Conn) {
			o := noise(31, 500)
			if err := announce(c, []object.Record{e.record(object.ID{}, e.id(o))}, e.block(o)); err != nil {
				t.Error(err)
			}
		},
		"a snapshot whose root is a chunk": func(t *testing.T, e *evil, c *proto.Conn) {
			o := noise(32, 500)
			enc, err := object.EncodeSnapshot(object.Snapshot{Root: e.id(o), Device: e.host.Self(), MergeVersion: 1})
			if err != nil {
				t.Fatal(err)
			}
			s := thing{object.KindSnapshot, enc}
			if err := announce(c, []object.Record{e.record(e.id(s), object.ID{})}, e.block(o), e.block(s)); err != nil {
				t.Error(err)
			}
		},
		"heads that are a chunk or build on one, then a good one": func(t *testing.T, e *evil, c *proto.Conn) {
			o, root := noise(33, 500), emptyTree()
			upon, good := e.snapshot(root, e.id(o)), e.snapshot(root)
			for _, head := range []thing{o, upon, good} {
				if err := announce(c, []object.Record{e.record(e.id(head), object.ID{})}, e.block(o), e.block(root), e.block(head)); err != nil {
					t.Error(err)
				}
			}
		},
		"heads that nobody has": func(t *testing.T, e *evil, c *proto.Conn) {
			for i := range 700 {
				if err := announce(c, []object.Record{e.record(e.id(noise(i, 64)), object.ID{})}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"records of devices that nobody admitted": func(t *testing.T, e *evil, c *proto.Conn) {
			for range 50 {
				o := keyring.NewDevice(testSecret().Header())
				r, err := object.SealRecord(e.keys, o.Signing, object.Outer{Tag: e.keys.Tag, Device: object.DeviceID(o.ID()), Incarnation: 1, Seq: 1}, object.Statement{Head: e.id(noise(40, 64))})
				if err != nil {
					t.Fatal(err)
				}
				if err := announce(c, []object.Record{r}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"an answer that breaks off": func(t *testing.T, e *evil, c *proto.Conn) {
			over := make(chan struct{})
			if err := e.lure(c, func(d *proto.Conn) {
				_, _ = d.Write([]byte{1, 0, 1, 0, 0, 9, 9}) // then nothing more
				_ = d.Close()                               // as above
				select {
				case <-over:
				default:
					close(over)
				}
			}); err != nil {
				t.Error(err)
			}
			<-over
		},
		"a fetch of 4,096 unknown roots": func(t *testing.T, e *evil, c *proto.Conn) {
			end, err := ask(e, t, &proto.Request{Request: &proto.Request_Fetch{Fetch: &proto.Fetch{Want: unknown(4096, 32), Have: unknown(4096, 32)}}})
			if err != nil || len(end.GetMissing()) != proto.MaxGet {
				t.Errorf("%d missing: %v", len(end.GetMissing()), err)
			}
		},
		"a get of unknown objects": func(t *testing.T, e *evil, c *proto.Conn) {
			end, err := ask(e, t, &proto.Request{Request: &proto.Request_Get{Get: &proto.Get{Ids: unknown(1024, 32)}}})
			if err != nil || len(end.GetMissing()) != 1024 {
				t.Errorf("%d missing: %v", len(end.GetMissing()), err)
			}
		},
		"endless pings": func(t *testing.T, e *evil, c *proto.Conn) {
			for i := range 20000 {
				if err := c.Send(&proto.Control{Message: &proto.Control_Ping{Ping: &proto.Ping{Nonce: uint64(i)}}}, proto.MaxControl); err != nil {
					t.Fatal(err)
				}
			}
		},
		"a thousand data streams": func(t *testing.T, e *evil, c *proto.Conn) {
			var open []*proto.Conn
			for range 1000 {
				d, err := e.tryDial(a.host, proto.DataProtocol)
				if err != nil {
					continue // refused by libp2p's own limits
				}
				if d.Send(&proto.Request{Request: &proto.Request_Has{Has: &proto.Has{Ids: unknown(1, 32)}}}, proto.MaxControl) == nil {
					open = append(open, d)
				}
			}
			served := 0
			for _, d := range open {
				if _, _, end, err := d.ReceiveFrame(); err == nil && end != nil {
					served++
				}
			}
			if served == 0 || served > proto.MaxData {
				t.Errorf("%d of %d streams are served at once", served, len(open))
			}
			for _, d := range open {
				_ = d.Reset() // given up
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvil(t)
			c := e.session(t, a.host)
			do(t, e, c)
			stillServes(t, a, b, name)
		})
	}
	for name, q := range map[string]*proto.Request{
		"an empty request":     {},
		"a get of 1,025 ids":   {Request: &proto.Request_Get{Get: &proto.Get{Ids: unknown(1025, 32)}}},
		"ids of 31 bytes":      {Request: &proto.Request_Has{Has: &proto.Has{Ids: unknown(1, 31)}}},
		"a fetch of 4,097":     {Request: &proto.Request_Fetch{Fetch: &proto.Fetch{Want: unknown(4097, 32)}}},
		"a have of ill length": {Request: &proto.Request_Fetch{Fetch: &proto.Fetch{Have: unknown(1, 33)}}},
	} {
		e := newEvil(t)
		c := e.session(t, a.host)
		if _, err := ask(e, t, q); err == nil {
			t.Errorf("%s is answered", name)
		}
		if err := ended(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stillServes(t, a, b, "at the end")
}

// A Hello works between the two devices it was made for, and in one direction.
func TestReplayedHello(t *testing.T) {
	a, b := pairOf(t)
	first, second := newEvil(t), newEvil(t)
	hello := first.hello(t, first.host.Self(), a.host.Self(), testSecret().Admission())
	c := first.dial(t, a.host, proto.SyncProtocol)
	var theirs proto.Hello
	if err := errors.Join(c.Send(hello, proto.MaxHello), c.Receive(&theirs, proto.MaxHello)); err != nil {
		t.Fatal(err)
	}
	for name, replay := range map[string]struct {
		e  *evil
		to *device
		h  *proto.Hello
	}{
		"by another device":          {second, a, hello},
		"towards another device":     {first, b, hello},
		"what a itself said, to a":   {first, a, &theirs},
		"what a itself said, to b":   {first, b, &theirs},
		"what a said to first, by 2": {second, b, &theirs},
	} {
		c := replay.e.dial(t, replay.to.host, proto.SyncProtocol)
		if err := c.Send(replay.h, proto.MaxHello); err != nil {
			t.Fatal(err)
		}
		if err := ended(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stillServes(t, a, b, "after replays")
}
