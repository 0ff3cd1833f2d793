package node_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	pb "google.golang.org/protobuf/proto"

	"github.com/bsvsync/bsv/discovery"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// endpoint is a place on a network: libp2p's or one in memory.
type endpoint interface {
	Self() object.DeviceID
	Addrs() []string
	Dial(ctx context.Context, id object.DeviceID, protocol string, addrs []string) (proto.Stream, error)
	Handle(protocol string, f func(context.Context, object.DeviceID, proto.Stream))
	Close() error
}

// evil is a device that holds the vault's keys and does not keep to the
// rules.
type evil struct {
	t    *testing.T
	host endpoint
	dev  keyring.Device
	keys *keyring.Keys
	hash *object.Hasher
	seq  uint64
}

// newEvil is an evil device on loopback.
func newEvil(t *testing.T) *evil {
	t.Helper()
	return evilOn(t, func(dev keyring.Device) endpoint {
		h, err := discovery.New(context.Background(), discovery.Options{Key: dev.Signing, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	})
}

// newEvilIn is an evil device on a network in memory.
func newEvilIn(t *testing.T, net *memnet.Net) *evil {
	t.Helper()
	return evilOn(t, func(dev keyring.Device) endpoint { return net.Join(object.DeviceID(dev.ID())) })
}

func evilOn(t *testing.T, join func(keyring.Device) endpoint) *evil {
	dev := keyring.NewDevice(testSecret().Header())
	e := &evil{t: t, dev: dev, host: join(dev), keys: testSecret().Keys()}
	e.hash = object.NewHasher(e.keys.ID, e.keys.Split)
	t.Cleanup(func() {
		if err := e.host.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *evil) dial(t *testing.T, to endpoint, protocol string) *proto.Conn {
	t.Helper()
	c, err := e.tryDial(to, protocol)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// patience is how long an evil device waits for an answer, or for its end. Only
// a failure takes so long.
const patience = time.Minute

func (e *evil) tryDial(to endpoint, protocol string) (*proto.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := e.host.Dial(ctx, to.Self(), protocol, to.Addrs())
	if err != nil {
		return nil, err
	}
	return proto.NewConn(st), st.SetDeadline(time.Now().Add(patience))
}

func (e *evil) hello(t *testing.T, from, to object.DeviceID, admitter ed25519.PrivateKey) *proto.Hello {
	t.Helper()
	chain := object.EncodeChain([]object.Admission{object.Admit(e.keys.Tag, 0, object.DeviceID(e.dev.ID()), e.dev.Recipient(), admitter)})
	b, err := pb.Marshal(&proto.HelloPayload{Version: 1, Chain: chain})
	if err != nil {
		t.Fatal(err)
	}
	epoch := e.keys.Epochs[0]
	return &proto.Hello{Sealed: keyring.Seal(nil, &epoch.Member, proto.HelloAAD(0, from, to), b)}
}

// session proves membership and returns the control stream.
func (e *evil) session(t *testing.T, to endpoint) *proto.Conn {
	t.Helper()
	c := e.dial(t, to, proto.SyncProtocol)
	if err := c.Send(e.hello(t, e.host.Self(), to.Self(), testSecret().Admission()), proto.MaxHello); err != nil {
		t.Fatal(err)
	}
	var h proto.Hello
	if err := c.Receive(&h, proto.MaxHello); err != nil {
		t.Fatalf("a member is not let in: %v", err)
	}
	return c
}

// ended reports whether the other side gave the stream up.
func ended(c *proto.Conn) error {
	for {
		var m proto.Control
		err := c.Receive(&m, proto.MaxControl)
		if err == nil {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("the stream stays open")
		}
		if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
			return fmt.Errorf("the stream stays open")
		}
		return nil
	}
}

// record is the device's next record with some head and settings.
func (e *evil) record(head, settings object.ID) object.Record {
	e.t.Helper()
	e.seq++
	r, err := object.SealRecord(e.keys, e.dev.Signing, object.Outer{Tag: e.keys.Tag, Device: e.host.Self(), Incarnation: 1 << 32, Seq: e.seq},
		object.Statement{Time: int64(e.seq), Head: head, Settings: settings})
	if err != nil {
		e.t.Fatal(err)
	}
	return r
}

func announce(c *proto.Conn, r []object.Record, blocks ...*proto.Block) error {
	m := &proto.Records{Blocks: blocks}
	for _, x := range r {
		m.Records = append(m.Records, x.Encode())
	}
	return c.Send(&proto.Control{Message: &proto.Control_Records{Records: m}}, proto.MaxControl)
}

// thing is an object before it has an id.
type thing struct {
	kind  object.Kind
	plain []byte
}

// noise is a chunk that does not compress.
func noise(seed, n int) thing {
	var out []byte
	for i := 0; len(out) < n; i++ {
		s := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(seed)<<32|uint64(i)))
		out = append(out, s[:]...)
	}
	return thing{object.KindChunk, out[:n]}
}

// snapshot is one of the device.
func (e *evil) snapshot(root thing, parents ...object.ID) thing {
	e.t.Helper()
	s := object.Snapshot{Root: e.id(root), Parents: parents, Device: e.host.Self(), MergeVersion: 1}
	if len(parents) > 0 {
		s.Base = s.Root
	}
	b, err := object.EncodeSnapshot(s)
	if err != nil {
		e.t.Fatal(err)
	}
	return thing{object.KindSnapshot, b}
}

// emptyTree is a directory without entries.
func emptyTree() thing { return thing{object.KindTree, []byte{0x82, 0x00, 0x80}} }

func (e *evil) id(o thing) object.ID { return e.hash.Sum(o.kind, o.plain) }

// block seals objects by docs/format.md.
func (e *evil) block(objs ...thing) *proto.Block {
	var ids, table, data []byte
	for _, o := range objs {
		id := e.id(o)
		ids = append(ids, id[:]...)
		table = binary.AppendUvarint(append(table, byte(o.kind)), uint64(len(o.plain)))
		data = append(data, o.plain...)
	}
	class := byte(1)
	if objs[0].kind == object.KindChunk {
		class = 2
	}
	body := append(table, data...)
	return &proto.Block{Ids: ids, Data: e.seal(class, 0, len(objs), body, len(body))}
}

// seal makes a block of any codec and claimed length.
func (e *evil) seal(class, codec byte, count int, stored []byte, plainLen int) []byte {
	plain := binary.AppendUvarint([]byte{codec}, uint64(len(stored)))
	plain = append(binary.AppendUvarint(plain, uint64(plainLen)), stored...)
	b := append([]byte("bsvB"), 1, class, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(count))
	b = binary.LittleEndian.AppendUint32(b, uint32(keyring.Overhead+len(plain)))
	epoch := e.keys.Epochs[0]
	body := keyring.Seal(nil, &epoch.Data, append(append([]byte("bsv/1/block"), e.keys.Tag[:]...), b...), plain)
	table := crc32.MakeTable(crc32.Castagnoli)
	b = binary.LittleEndian.AppendUint32(b, crc32.Update(crc32.Checksum(b, table), table, body))
	return append(b, body...)
}

// zeros are n zeros, compressed. A gigabyte of them takes a busy machine half a
// minute: they are made before a connection waits for them.
func zeros(t *testing.T, n int) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	stored := w.EncodeAll(make([]byte, n), nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return stored
}

// bomb is a small block that decompresses to more than the bytes it claims.
func (e *evil) bomb(stored []byte, claimed int) *proto.Block {
	return &proto.Block{Ids: make([]byte, 32), Data: e.seal(2, 1, 1, stored, claimed)}
}

// lure announces a head that only this device has, and answers whoever asks
// for it.
func (e *evil) lure(c *proto.Conn, answer func(c *proto.Conn)) error {
	e.host.Handle(proto.DataProtocol, func(_ context.Context, _ object.DeviceID, st proto.Stream) {
		d := proto.NewConn(st)
		for {
			var q proto.Request
			if err := d.Receive(&q, proto.MaxControl); err != nil {
				return
			}
			answer(d)
		}
	})
	e.seq++
	// Whoever is new is asked at once for what those before named and nobody
	// has: answer may have had this device cut off already.
	_ = announce(c, []object.Record{e.record(object.ID(sha256.Sum256(binary.BigEndian.AppendUint64(e.dev.Signing[:8:8], e.seq))), object.ID{})})
	return nil
}

// give sends a block as a frame.
func give(c *proto.Conn, b *proto.Block) error {
	var ids [][32]byte
	for i := 0; i < len(b.Ids); i += 32 {
		ids = append(ids, [32]byte(b.Ids[i:i+32]))
	}
	return c.SendBlock(ids, b.Data)
}
