package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/repo"

	pb "google.golang.org/protobuf/proto"
)

// session is a control stream to a member that has proven itself.
type session struct {
	s    *syncer
	v    *vault
	id   object.DeviceID
	conn *proto.Conn
	work chan struct{} // something to say
	want chan struct{} // something to fetch
	done chan struct{}

	mu    sync.Mutex
	known map[[32]byte]bool        // records that the peer has
	tips  map[[32]byte]bool        // records that the peer said it has, until they are here
	told  map[[32]byte]bool        // records of which the peer knows that they are complete here
	acked map[object.ID]bool       // heads that are complete at the peer
	pongs []uint64                 // pings to answer, after all else was said
	pings map[uint64]chan struct{} // own ones, on the way
	nonce uint64
	data  *proto.Conn // data stream, opened when needed
}

const helloDomain = "bsv/hello/1"

func helloAAD(epoch uint32, from, to object.DeviceID) []byte {
	b := append([]byte(helloDomain), binary.BigEndian.AppendUint32(nil, epoch)...)
	b = append(b, from[:]...)
	return append(b, to[:]...)
}

// handshake exchanges Hello: both at once, half a round trip.
func (s *syncer) handshake(id object.DeviceID, st proto.Stream) (*session, error) {
	v, err := s.n.open()
	if err != nil {
		return nil, err
	}
	x := &session{s: s, v: v, id: id, conn: proto.NewConn(st), work: make(chan struct{}, 1), want: make(chan struct{}, 1), done: make(chan struct{}),
		known: map[[32]byte]bool{}, tips: map[[32]byte]bool{}, acked: map[object.ID]bool{}, told: map[[32]byte]bool{}, pings: map[uint64]chan struct{}{}}
	if err := st.SetDeadline(time.Now().Add(proto.Handshake)); err != nil {
		return nil, err
	}
	e, err := v.keys.Epoch(v.keys.Current)
	if err != nil {
		return nil, err
	}
	chain := v.view.memberChains()[v.id]
	payload := &proto.HelloPayload{Version: 1, Chain: object.EncodeChain(chain)}
	recs := v.view.records()
	for i, k := range recs {
		if i == 4096 {
			break
		}
		payload.Tips = append(payload.Tips, slices.Clone(k.digest[:]))
	}
	b, err := pb.Marshal(payload)
	if err != nil {
		return nil, err
	}
	hello := &proto.Hello{Epoch: v.keys.Current, Sealed: keyring.Seal(nil, &e.Member, helloAAD(v.keys.Current, v.id, id), b)}
	sent := make(chan error, 1)
	go func() { sent <- x.conn.Send(hello, proto.MaxHello) }()
	var theirs proto.Hello
	err = x.conn.Receive(&theirs, proto.MaxHello)
	if err := errors.Join(<-sent, err); err != nil {
		return nil, err
	}
	if err := x.verify(&theirs); err != nil {
		return nil, err
	}
	return x, st.SetDeadline(time.Time{})
}

// verify is the proof: the payload opens, the sender is the connection's
// peer, and it was admitted.
func (x *session) verify(h *proto.Hello) error {
	e, err := x.v.keys.Epoch(h.Epoch)
	if err != nil {
		return err
	}
	b, err := keyring.Open(nil, &e.Member, helloAAD(h.Epoch, x.id, x.v.id), h.Sealed)
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	var p proto.HelloPayload
	if err := pb.Unmarshal(b, &p); err != nil {
		return fmt.Errorf("%w: hello: %v", proto.ErrViolation, err)
	}
	chain, err := object.DecodeChain(p.Chain, x.v.header.Tag, x.v.header.Admission)
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if chain[len(chain)-1].Device != x.id {
		return fmt.Errorf("hello: %w: the chain is another device's", object.ErrAdmission)
	}
	tips, err := proto.IDs32(p.Tips, 4096)
	if err != nil {
		return err
	}
	if !x.v.view.isMember(x.id) {
		x.v.view.join(object.Settings{}.Admit(chain...))
	}
	have := map[[32]byte]bool{}
	for _, k := range x.v.view.records() {
		have[k.digest] = true
	}
	for _, t := range tips {
		if have[t] {
			x.known[t] = true
		} else {
			x.tips[t] = true
		}
	}
	return nil
}

func (x *session) kick() {
	select {
	case x.work <- struct{}{}:
	default:
	}
}

func (x *session) fetch() {
	select {
	case x.want <- struct{}{}:
	default:
	}
}

func (x *session) reset() {
	x.s.reset(x.conn.Stream)
	x.mu.Lock()
	d := x.data
	x.data = nil
	x.mu.Unlock()
	if d != nil {
		x.s.reset(d.Stream)
	}
}

// run serves a session until it ends.
func (s *syncer) run(x *session) {
	s.register(x)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(s.ctx)
	wg.Go(func() { x.talk(ctx) })
	wg.Go(func() { x.gather(ctx) })
	x.kick()
	x.fetch()
	err := x.listen(ctx)
	cancel()
	if isViolation(err) {
		s.strike(x.id, err)
	}
	x.reset()
	s.unregister(x)
	wg.Wait()
	close(x.done)
	s.log.Debug("session ended", "peer", x.id.String(), "err", err)
}

// talk says what the peer does not know yet.
func (x *session) talk(ctx context.Context) {
	if err := x.sendRings(); err != nil {
		x.reset()
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.work:
		}
		if err := x.push(ctx); err != nil {
			if ctx.Err() == nil {
				x.s.log.Debug("push", "peer", x.id.String(), "err", err)
			}
			x.reset()
			return
		}
	}
}

func (x *session) send(m *proto.Control) error {
	if err := x.conn.SetDeadline(time.Now().Add(proto.Idle)); err != nil {
		return err
	}
	if err := x.conn.Send(m, proto.MaxControl); err != nil {
		return err
	}
	return x.conn.SetDeadline(time.Time{})
}

func (x *session) sendRings() error {
	m := &proto.Rings{}
	for r, err := range repo.Rings(x.v.repo.Backend(), x.s.log) {
		if err != nil {
			return err
		}
		m.Rings = append(m.Rings, r.Encode())
	}
	return x.send(&proto.Control{Message: &proto.Control_Rings{Rings: m}})
}

// push sends the records that the peer lacks, with the blocks of a small
// change.
func (x *session) push(ctx context.Context) error {
	var news []known
	x.mu.Lock()
	var have []object.ID
	for h := range x.acked {
		have = append(have, h)
	}
	for _, k := range x.v.view.records() {
		if !x.known[k.digest] {
			news = append(news, k)
		} else if !k.said.Head.IsZero() {
			have = append(have, k.said.Head)
		}
	}
	x.mu.Unlock()
	if len(news) == 0 {
		return x.acknowledge(ctx)
	}
	m := &proto.Records{}
	size := 0
	var want []object.ID
	for _, k := range news {
		b := k.rec.Encode()
		if size += len(b); size > proto.MaxControl/2 { // the rest follows
			x.kick()
			break
		}
		m.Records = append(m.Records, b)
		if !k.said.Head.IsZero() {
			want = append(want, k.said.Head)
		}
		if !k.said.Settings.IsZero() {
			want = append(want, k.said.Settings)
		}
	}
	blocks, err := x.inline(ctx, want, have)
	if err != nil {
		return err
	}
	m.Blocks = blocks
	if err := x.send(&proto.Control{Message: &proto.Control_Records{Records: m}}); err != nil {
		return err
	}
	x.mu.Lock()
	for _, k := range news[:len(m.Records)] {
		x.known[k.digest] = true
	}
	x.mu.Unlock()
	for _, b := range blocks {
		x.s.sentBytes.Add(uint64(len(b.Data)))
		x.s.sentObjects.Add(uint64(len(b.Ids) / 32))
	}
	return x.acknowledge(ctx)
}

var errTooMuch = errors.New("more than fits an announcement")

// maxInlineObjects bounds what is looked at for an announcement.
const maxInlineObjects = 2048

// inline is the blocks of a small change; none when it is not small.
func (x *session) inline(ctx context.Context, want, have []object.ID) ([]*proto.Block, error) {
	var ids []object.ID
	_, err := collect(ctx, x.v, want, have, func(batch []object.ID) error {
		if ids = append(ids, batch...); len(ids) > maxInlineObjects {
			return errTooMuch
		}
		return nil
	})
	if errors.Is(err, errTooMuch) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*proto.Block
	size := 0
	for b, err := range x.v.repo.Blocks(ctx, ids, func(object.ID) {}) {
		if err != nil {
			return nil, err
		}
		if size += len(b.Bytes) + 32*len(b.IDs); size > proto.MaxInline {
			return nil, nil
		}
		out = append(out, wireBlock(b))
	}
	return out, nil
}

func wireBlock(b cas.Block) *proto.Block {
	ids := make([]byte, 0, 32*len(b.IDs))
	for _, id := range b.IDs {
		ids = append(ids, id[:]...)
	}
	return &proto.Block{Ids: ids, Data: b.Bytes}
}

// acknowledge tells the peer which of the records are complete here.
func (x *session) acknowledge(ctx context.Context) error {
	for _, k := range x.v.view.records() {
		x.mu.Lock()
		said := x.told[k.digest]
		x.mu.Unlock()
		if said || k.said.Head.IsZero() {
			continue
		}
		if !x.v.view.hasComplete(k.said.Head) {
			continue
		}
		err := x.send(&proto.Control{Message: &proto.Control_Ack{Ack: &proto.Ack{Device: slices.Clone(k.rec.Device[:]), Incarnation: k.rec.Incarnation, Seq: k.rec.Seq}}})
		if err != nil {
			return err
		}
		x.mu.Lock()
		x.told[k.digest] = true
		x.mu.Unlock()
	}
	x.mu.Lock()
	pongs := x.pongs
	x.pongs = nil
	x.mu.Unlock()
	for _, nonce := range pongs {
		if err := x.send(&proto.Control{Message: &proto.Control_Pong{Pong: &proto.Ping{Nonce: nonce}}}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
