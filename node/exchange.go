package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/repo"
)

// listen reads what the peer says until the session ends.
func (x *session) listen(ctx context.Context) error {
	for {
		var m proto.Control
		if err := x.conn.Receive(&m, proto.MaxControl); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		switch m := m.Message.(type) {
		case *proto.Control_Records:
			err = x.takeRecords(ctx, m.Records)
		case *proto.Control_Rings:
			err = x.takeRings(m.Rings)
		case *proto.Control_Ack:
			err = x.takeAck(m.Ack)
		case *proto.Control_Ping:
			x.mu.Lock()
			if len(x.pongs) < maxPongs {
				x.pongs = append(x.pongs, m.Ping.GetNonce())
			}
			x.mu.Unlock()
			x.kick()
		case *proto.Control_Pong:
			x.mu.Lock()
			if c := x.pings[m.Pong.GetNonce()]; c != nil {
				close(c)
				delete(x.pings, m.Pong.GetNonce())
			}
			x.mu.Unlock()
		default:
			err = fmt.Errorf("%w: an empty message", proto.ErrViolation)
		}
		if err != nil {
			return err
		}
	}
}

// maxPongs bounds the answers that wait to be sent.
const maxPongs = 64

func blockOf(b *proto.Block) (cas.Block, error) {
	ids := b.GetIds()
	if len(ids)%32 != 0 || len(ids) == 0 {
		return cas.Block{}, fmt.Errorf("%w: ids of %d bytes", proto.ErrViolation, len(ids))
	}
	out := cas.Block{Bytes: b.GetData()}
	for ; len(ids) > 0; ids = ids[32:] {
		out.IDs = append(out.IDs, object.ID(ids[:32]))
	}
	return out, nil
}

// takeRecords keeps new records and the blocks that came with them.
func (x *session) takeRecords(ctx context.Context, m *proto.Records) error {
	var recs []object.Record
	for _, b := range m.GetRecords() {
		r, err := object.DecodeRecord(b)
		if err != nil {
			return err
		}
		if r.Tag != x.v.header.Tag {
			return fmt.Errorf("%w: of another vault", object.ErrRecord)
		}
		recs = append(recs, r)
	}
	fresh := 0
	for _, b := range m.GetBlocks() {
		k, err := blockOf(b)
		if err != nil {
			return err
		}
		ids, err := x.v.repo.Append(ctx, k, nil)
		if err != nil {
			return err
		}
		fresh += len(ids)
		x.s.fetchedObjects.Add(uint64(len(ids)))
		x.s.fetchedBytes.Add(uint64(len(k.Bytes)))
	}
	if fresh > 0 {
		if err := x.v.repo.Commit(ctx); err != nil {
			return err
		}
	}
	news := false
	for _, r := range recs {
		d := r.Digest()
		x.mu.Lock()
		x.known[d] = true
		delete(x.tips, d)
		x.mu.Unlock()
		if !x.v.view.room(r.Device) {
			return fmt.Errorf("%w: too many devices", object.ErrLimit)
		}
		isNew, err := x.v.view.take(ctx, r)
		if errors.Is(err, keyring.ErrSealed) {
			return fmt.Errorf("%w: %w", object.ErrRecord, err)
		}
		if err != nil {
			return err
		}
		if isNew {
			news = true
			if err := x.v.repo.PutRecord(r); err != nil {
				return err
			}
		}
	}
	if fresh > 0 {
		x.v.view.fresh(ctx)
	}
	if news || fresh > 0 {
		x.fetch()
	}
	return nil
}

// room reports whether records of a device may still be taken.
func (w *view) room(d object.DeviceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.members[d]; ok {
		return true
	}
	return len(w.recs) < object.MaxDevices
}

func (x *session) takeRings(m *proto.Rings) error {
	for _, b := range m.GetRings() {
		r, err := keyring.DecodeRing(b)
		if err != nil {
			return fmt.Errorf("%w: %w", proto.ErrViolation, err)
		}
		if r.Tag != x.v.header.Tag {
			return fmt.Errorf("%w: a key ring of another vault", proto.ErrViolation)
		}
		if err := checkSigner(r, x.v.header); err != nil {
			return fmt.Errorf("%w: %w", proto.ErrViolation, err)
		}
		if err := repo.PutRing(x.v.repo.Backend(), r); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) takeAck(a *proto.Ack) error {
	if len(a.GetDevice()) != 32 {
		return fmt.Errorf("%w: an acknowledgement of no device", proto.ErrViolation)
	}
	d := object.DeviceID(a.GetDevice())
	for _, k := range x.v.view.records() {
		if k.rec.Device == d && k.rec.Incarnation == a.GetIncarnation() && k.rec.Seq == a.GetSeq() && !a.GetMeta() {
			x.mu.Lock()
			x.known[k.digest] = true
			if !k.said.Head.IsZero() {
				x.acked[k.said.Head] = true
			}
			x.mu.Unlock()
		}
	}
	return nil
}

// ping returns when the peer has said everything that it knew we lack.
func (x *session) ping(ctx context.Context) error {
	c := make(chan struct{})
	x.mu.Lock()
	x.nonce++
	nonce := x.nonce
	x.pings[nonce] = c
	x.mu.Unlock()
	if err := x.send(&proto.Control{Message: &proto.Control_Ping{Ping: &proto.Ping{Nonce: nonce}}}); err != nil {
		return err
	}
	select {
	case <-c:
		return nil
	case <-x.done:
		return io.ErrUnexpectedEOF
	case <-time.After(proto.Idle):
		return errors.New("the peer does not answer")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather fetches what is missing whenever there is something.
func (x *session) gather(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.want:
		}
		if err := x.fetchMissing(ctx); err != nil && ctx.Err() == nil {
			if isViolation(err) {
				x.s.strike(x.id, err)
				x.reset()
				return
			}
			x.s.log.Warn("fetch", "peer", x.id.String(), "err", err)
		}
	}
}

// lacking is what the records name and is not here: heads and settings.
func (x *session) lacking(ctx context.Context) (want, have []object.ID, err error) {
	have, pending, err := x.v.view.H(ctx)
	if err != nil {
		return nil, nil, err
	}
	want = append(want, pending...)
	var settings []object.ID
	for _, k := range x.v.view.records() {
		if !k.said.Settings.IsZero() {
			settings = append(settings, k.said.Settings)
		}
	}
	miss, err := x.v.repo.Missing(ctx, settings)
	return append(want, miss...), have, err
}

func (x *session) fetchMissing(ctx context.Context) error {
	x.s.fetchMu.Lock()
	defer x.s.fetchMu.Unlock()
	want, have, err := x.lacking(ctx)
	if err != nil {
		return err
	}
	if len(want) > 0 {
		if err := x.fetchRoots(ctx, want, have); err != nil {
			return err
		}
		if want, _, err = x.lacking(ctx); err != nil {
			return err
		}
		if len(want) > 0 { // settings that came may have admitted devices whose heads count now
			if err := x.fetchRest(ctx, want); err != nil {
				return err
			}
		}
	}
	x.s.signal()
	x.s.kickAll()
	x.s.n.members()
	for d := range x.v.view.memberChains() {
		if d != x.v.id {
			if err := x.s.n.prune(ctx, x.v, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// commitEvery is how many received bytes are made durable together.
const commitEvery = 64 << 20

// receiver appends blocks of an answer.
type receiver struct {
	x     *session
	ask   func(object.ID) bool
	fresh []object.ID
	bytes int
}

func (r *receiver) block(ctx context.Context, ids [][32]byte, data []byte) error {
	b := cas.Block{Bytes: data, IDs: make([]object.ID, len(ids))}
	for i, id := range ids {
		b.IDs[i] = id
	}
	got, err := r.x.v.repo.Append(ctx, b, r.ask)
	if err != nil {
		return err
	}
	r.fresh = append(r.fresh, got...)
	r.x.s.fetchedObjects.Add(uint64(len(got)))
	r.x.s.fetchedBytes.Add(uint64(len(data)))
	if r.bytes += len(data); r.bytes >= commitEvery {
		r.bytes = 0
		return r.x.v.repo.Commit(ctx)
	}
	return nil
}

// fetchRoots asks for everything below some roots that is not below others:
// one round trip.
func (x *session) fetchRoots(ctx context.Context, want, have []object.ID) error {
	m := &proto.Fetch{}
	for _, id := range want {
		m.Want = append(m.Want, id[:])
	}
	for i, id := range have {
		if i == proto.MaxHave {
			break
		}
		m.Have = append(m.Have, id[:])
	}
	r := &receiver{x: x}
	_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Fetch{Fetch: m}}, r.block)
	if cerr := x.v.repo.Commit(ctx); err == nil { // what has come stays
		err = cerr
	}
	if err != nil {
		return err
	}
	x.v.view.fresh(ctx)
	return x.askedFor(ctx, want, have, r.fresh)
}

// askedFor checks that what came belongs to what was asked for.
func (x *session) askedFor(ctx context.Context, want, have, fresh []object.ID) error {
	if len(fresh) == 0 {
		return nil
	}
	belongs := map[object.ID]bool{}
	if _, err := collect(ctx, x.v, want, have, func(ids []object.ID) error {
		for _, id := range ids {
			belongs[id] = true
		}
		return nil
	}); err != nil {
		return err
	}
	stray := 0
	for _, id := range fresh {
		if !belongs[id] {
			stray++
		}
	}
	if stray > 64 && stray*4 > len(fresh) {
		return fmt.Errorf("%w: %d of %d objects were not asked for", proto.ErrViolation, stray, len(fresh))
	}
	return nil
}

// fetchRest asks for missing objects by id until nothing more comes.
func (x *session) fetchRest(ctx context.Context, want []object.ID) error {
	for {
		ask := map[object.ID]bool{}
		for _, root := range want {
			miss, err := missing(ctx, x.v, root, x.v.view.hasComplete)
			if err != nil {
				if errors.Is(err, object.ErrMalformed) { // settings have no closure
					continue
				}
				return err
			}
			for _, id := range miss {
				if len(ask) < proto.MaxGet {
					ask[id] = true
				}
			}
		}
		if len(ask) == 0 {
			return nil
		}
		m := &proto.Get{}
		for id := range ask {
			m.Ids = append(m.Ids, append([]byte(nil), id[:]...))
		}
		r := &receiver{x: x, ask: func(id object.ID) bool { return ask[id] }}
		_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Get{Get: m}}, r.block)
		if cerr := x.v.repo.Commit(ctx); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
		x.v.view.fresh(ctx)
		if len(r.fresh) == 0 {
			return nil // the peer has no more
		}
	}
}
