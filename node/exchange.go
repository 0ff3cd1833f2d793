package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
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
			if err = x.takeRecords(ctx, m.Records); vfs.NoSpace(err) {
				x.missed(ctx, err)
				err = nil
			}
		case *proto.Control_Rings:
			err = x.takeRings(m.Rings)
		case *proto.Control_Ack:
			err = x.takeAck(m.Ack)
		case *proto.Control_Ping:
			x.heardFull(m.Ping.GetFull())
			x.mu.Lock()
			if len(x.pongs) < maxPongs {
				x.pongs = append(x.pongs, m.Ping.GetNonce())
			}
			x.mu.Unlock()
			x.kick()
		case *proto.Control_Pong:
			x.heardFull(m.Pong.GetFull())
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
	had, _, err := x.v.view.H(ctx)
	if err != nil {
		return err
	}
	fresh, err := x.takeBlocks(ctx, len(recs), m.GetBlocks())
	if err != nil {
		return err
	}
	if len(fresh) > 0 { // before the records: the settings that admit a device come with them
		x.v.view.fresh(ctx)
	}
	news := false
	var named []object.ID
	for _, r := range recs {
		isNew, err := x.v.view.take(ctx, r)
		if errors.Is(err, keyring.ErrSealed) {
			return fmt.Errorf("%w: %w", object.ErrRecord, err)
		}
		if err != nil {
			return err
		}
		news = news || isNew
		if d := r.Digest(); isNew || x.v.view.holds(d) {
			x.mu.Lock()
			x.known[d] = true
			x.mu.Unlock()
		}
		if said, err := r.Open(x.v.keys); err == nil {
			for _, id := range []object.ID{said.Head, said.Settings} {
				if !id.IsZero() {
					named = append(named, id)
				}
			}
		}
	}
	if err := x.v.view.save(); err != nil {
		return err
	}
	kept := x.v.view.records()
	x.mu.Lock()
	x.forget(kept) // of a flood most have taken each other's place
	x.mu.Unlock()
	if len(fresh) > 0 {
		x.v.view.fresh(ctx)
		had = slices.DeleteFunc(slices.Clone(had), func(h object.ID) bool { return slices.Contains(named, h) })
		if err := x.askedFor(ctx, named, had, fresh); err != nil {
			return err
		}
	}
	if news || len(fresh) > 0 {
		x.s.fits(ctx, x, true)
		x.fetch()
	}
	return nil
}

// takeBlocks keeps the blocks of an announcement.
func (x *session) takeBlocks(ctx context.Context, records int, blocks []*proto.Block) ([]arrival, error) {
	if len(blocks) > 0 && records == 0 {
		return nil, fmt.Errorf("%w: blocks without a record", proto.ErrViolation)
	}
	size := 0
	var fresh []arrival
	for _, b := range blocks {
		if size += len(b.GetData()) + len(b.GetIds()); size > proto.MaxInline {
			return nil, fmt.Errorf("%w: %d bytes of blocks in an announcement", proto.ErrViolation, size)
		}
		k, err := blockOf(b)
		if err != nil {
			return nil, err
		}
		ids, err := x.v.repo.Append(ctx, k, nil)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, arrivals(ids, k)...)
		x.s.fetchedObjects.Add(uint64(len(ids)))
		x.s.fetchedBytes.Add(uint64(len(k.Bytes)))
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	return fresh, x.v.repo.Commit(ctx)
}

// maxEarly bounds the acknowledgements that wait for their records.
const maxEarly = 1024

// takeAck notes what is complete at the peer. The record may still wait here
// for its device's admission, and is acknowledged only once: then its digest is
// kept until the record is taken.
func (x *session) takeAck(a *proto.Ack) error {
	if len(a.GetDevice()) != 32 || len(a.GetDigest()) != 32 {
		return fmt.Errorf("%w: an acknowledgement of no record", proto.ErrViolation)
	}
	if a.GetMeta() {
		return nil
	}
	x.mu.Lock()
	if x.early = append(x.early, [32]byte(a.GetDigest())); len(x.early) > maxEarly {
		x.early = x.early[1:]
	}
	x.mu.Unlock()
	x.settleAcks()
	if x.v.view.awaits([32]byte(a.GetDigest())) { // the peer had not got it either when it was asked
		x.fetch()
	}
	return nil
}

// settleAcks notes the acknowledgements whose records are here by now.
func (x *session) settleAcks() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.early = slices.DeleteFunc(x.early, func(d [32]byte) bool {
		k, ok := x.v.view.record(d)
		if !ok {
			return false
		}
		x.known[d] = true
		if !k.said.Head.IsZero() {
			x.acked[k.said.Head] = true
		}
		return true
	})
}

func (x *session) pinged(nonce uint64) *proto.Control {
	return &proto.Control{Message: &proto.Control_Ping{Ping: &proto.Ping{Nonce: nonce, Full: x.s.isFull()}}}
}

// errSilent: the peer is there and does not answer. What it answers to another
// session is no more.
var errSilent = errors.New("the peer does not answer")

// ping returns when the peer has said everything that it knew we lack.
func (x *session) ping(ctx context.Context) error {
	c := make(chan struct{})
	x.mu.Lock()
	x.nonce++
	nonce := x.nonce
	x.pings[nonce] = c
	x.mu.Unlock()
	if err := x.send(x.pinged(nonce)); err != nil {
		return err
	}
	select {
	case <-c:
		return nil
	case <-x.done:
		return io.ErrUnexpectedEOF
	case <-time.After(proto.Idle):
		x.mu.Lock()
		delete(x.pings, nonce)
		x.mu.Unlock()
		return errSilent
	case <-ctx.Done():
		return ctx.Err()
	}
}
