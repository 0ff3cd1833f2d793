package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
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
	out  bool // dialled by this device
	conn *proto.Conn
	ctx  context.Context // ends with the session
	end  context.CancelFunc

	proven func()        // the handshake is over: called once the session is registered
	work   chan struct{} // something to say
	want   chan struct{} // something to fetch
	done   chan struct{}

	mu     sync.Mutex
	known  map[[32]byte]bool             // records that the peer has
	told   map[[32]byte]bool             // records of which the peer knows that they are complete here
	acked  map[object.ID]bool            // heads that are complete at the peer
	pushed map[object.DeviceID]object.ID // the heads that were announced to the peer last, with all that it lacked
	early  [][32]byte                    // acknowledged records that are not taken yet, oldest first
	pongs  []uint64                      // pings to answer, after all else was said
	pings  map[uint64]chan struct{}      // own ones, on the way
	nonce  uint64
	data   *proto.Conn // data stream, opened when needed
	stray  int         // bytes that came and were not asked for
	total  int         // bytes that came

	full bool // the peer's disk
	deaf bool // something that the peer said was not kept

	asking  sync.Mutex // one fetch of this session at a time
	setback *setback   // the last fetch failed; guarded by asking

	saidFull bool              // of this device's disk; of talk alone
	walk     sync.Mutex        // one walk for this peer at a time: it holds what it has sent
	rings    map[[32]byte]bool // that the peer has; of talk alone
	ring     uint64            // of which change of the rings the peer knows
}

// handshake exchanges Hello: both at once, half a round trip.
func (s *syncer) handshake(id object.DeviceID, st proto.Stream, out bool) (_ *session, err error) {
	v, err := s.n.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	x := &session{s: s, v: v, id: id, out: out, ctx: ctx, end: cancel, rings: map[[32]byte]bool{}, conn: proto.NewConn(st), work: make(chan struct{}, 1), want: make(chan struct{}, 1), done: make(chan struct{}),
		known: map[[32]byte]bool{}, acked: map[object.ID]bool{}, pushed: map[object.DeviceID]object.ID{}, told: map[[32]byte]bool{}, pings: map[uint64]chan struct{}{}}
	if err := st.SetDeadline(time.Now().Add(proto.Handshake)); err != nil {
		return nil, err
	}
	e, err := v.keys.Epoch(v.keys.Current)
	if err != nil {
		return nil, err
	}
	chain := v.view.memberChains()[v.id]
	payload := &proto.HelloPayload{Version: 1, Chain: object.EncodeChain(chain), Tips: v.view.tips(proto.MaxTips)}
	b, err := pb.Marshal(payload)
	if err != nil {
		return nil, err
	}
	hello := &proto.Hello{Epoch: v.keys.Current, Sealed: keyring.Seal(nil, &e.Member, proto.HelloAAD(v.keys.Current, v.id, id), b)}
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
	b, err := keyring.Open(nil, &e.Member, proto.HelloAAD(h.Epoch, x.id, x.v.id), h.Sealed)
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
	tips, err := proto.IDs32(p.Tips, proto.MaxTips)
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
	defer x.end()
	if !s.register(x) { // both dialled at once, and the other stream stays
		x.reset()
		close(x.done)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { x.talk(x.ctx) })
	wg.Go(func() { x.gather(x.ctx) })
	x.kick()
	x.fetch()
	err := x.listen(x.ctx)
	x.end()
	if isViolation(err) {
		s.strike(x.id, err)
	}
	x.reset()
	if err := x.noteAcked(); err != nil {
		s.log.Warn("note what a peer has", "peer", x.id.String(), "err", err)
	}
	s.unregister(x)
	wg.Wait()
	s.signal() // what came last may have found nobody to fetch and tell
	for _, o := range s.all() {
		o.fetch()
	}
	close(x.done)
	s.log.Debug("session ended", "peer", x.id.String(), "err", err)
}

// talk says what the peer does not know yet.
func (x *session) talk(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.work:
		}
		err := x.sendRings()
		if err == nil {
			err = x.push(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				x.s.log.Debug("push", "peer", x.id.String(), "err", err)
			}
			x.reset()
			return
		}
	}
}

func (x *session) send(m *proto.Control) error { return x.conn.Send(m, proto.MaxControl) }

// sendRings sends the key rings that the peer has not got yet, in as many
// messages as they need.
func (x *session) sendRings() error {
	change := x.s.rings.Load()
	if len(x.rings) > 0 && x.ring == change {
		return nil
	}
	m, size := &proto.Rings{}, 0
	flush := func() error {
		if len(m.Rings) == 0 {
			return nil
		}
		err := x.send(&proto.Control{Message: &proto.Control_Rings{Rings: m}})
		m, size = &proto.Rings{}, 0
		return err
	}
	for r, err := range repo.Rings(x.v.repo.Backend(), x.s.log) {
		if err != nil {
			return err
		}
		b := r.Encode()
		d := sha256.Sum256(b)
		if x.rings[d] || len(b) > proto.MaxControl/2 {
			continue
		}
		if size+len(b) > proto.MaxControl/2 {
			if err := flush(); err != nil {
				return err
			}
		}
		x.rings[d] = true
		m.Rings, size = append(m.Rings, b), size+len(b)
	}
	x.ring = change
	return flush()
}

// push sends the records that the peer lacks, with the blocks of a small
// change.
func (x *session) push(ctx context.Context) error {
	var news []known
	x.settleAcks()
	recs := x.v.view.records()
	x.mu.Lock()
	x.forget(recs)
	var have []object.ID
	for h := range x.acked {
		have = append(have, h)
	}
	for _, h := range x.pushed { // a stream of snapshots is not held up by acknowledgements
		have = append(have, h)
	}
	for _, k := range recs {
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
	blocks, whole, err := x.inline(ctx, want, have)
	if err != nil {
		return err
	}
	m.Blocks = blocks
	for _, b := range blocks { // before they go: the answer may be here before send returns
		x.s.sentBytes.Add(uint64(len(b.Data)))
		x.s.sentObjects.Add(uint64(len(b.Ids) / 32))
	}
	if err := x.send(&proto.Control{Message: &proto.Control_Records{Records: m}}); err != nil {
		return err
	}
	x.mu.Lock()
	for _, k := range news[:len(m.Records)] {
		x.known[k.digest] = true
		if !whole { // the peer has to fetch before it can make use of what builds on it
			clear(x.pushed)
		} else if !k.said.Head.IsZero() {
			x.pushed[k.rec.Device] = k.said.Head
		}
	}
	x.mu.Unlock()
	return x.acknowledge(ctx)
}

// forget drops what is noted about records that are no longer kept. The caller
// holds mu.
func (x *session) forget(recs []known) {
	if len(x.known)+len(x.told)+len(x.acked) < 4*len(recs)+256 {
		return
	}
	kept, heads := map[[32]byte]bool{}, map[object.ID]bool{}
	for _, k := range recs {
		kept[k.digest], heads[k.said.Head] = true, true
	}
	gone := func(d [32]byte, _ bool) bool { return !kept[d] }
	maps.DeleteFunc(x.known, gone)
	maps.DeleteFunc(x.told, gone)
	maps.DeleteFunc(x.acked, func(id object.ID, _ bool) bool { return !heads[id] })
}

var errTooMuch = errors.New("more than fits an announcement")

// maxInlineObjects bounds what is looked at for an announcement.
const maxInlineObjects = 2048

// inline is the blocks of a small change: whole when they are all that a peer
// lacks who has some snapshots, none when they are too many.
func (x *session) inline(ctx context.Context, want, have []object.ID) (out []*proto.Block, whole bool, err error) {
	var ids []object.ID
	absent, err := collect(ctx, x.v, want, have, maxInlineObjects+1, func(batch []object.ID) error {
		if ids = append(ids, batch...); len(ids) > maxInlineObjects {
			return errTooMuch
		}
		return nil
	})
	if errors.Is(err, errTooMuch) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	size := 0
	for b, err := range x.v.repo.Blocks(ctx, ids, func(object.ID) { absent = ids }) {
		if err != nil {
			return nil, false, err
		}
		if size += len(b.Bytes) + 32*len(b.IDs); size > proto.MaxInline {
			return nil, false, nil
		}
		out = append(out, wireBlock(b))
	}
	return out, len(absent) == 0, nil
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
		err := x.send(&proto.Control{Message: &proto.Control_Ack{Ack: &proto.Ack{Device: slices.Clone(k.rec.Device[:]), Incarnation: k.rec.Incarnation, Seq: k.rec.Seq, Digest: k.digest[:]}}})
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
	if err := x.sayFull(); err != nil {
		return err
	}
	for _, nonce := range pongs {
		if err := x.send(&proto.Control{Message: &proto.Control_Pong{Pong: &proto.Ping{Nonce: nonce, Full: x.saidFull}}}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
