package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// request sends a request on the data stream and hands the answer on.
func (x *session) request(ctx context.Context, q *proto.Request, r *receiver) (*proto.End, error) {
	c, err := x.dataConn(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { x.s.reset(c.Stream) })
	defer stop()
	x.s.roundTrips.Add(1)
	end, err := roundTrip(ctx, c, q, r)
	if err != nil {
		x.mu.Lock()
		if x.data == c {
			x.data = nil
		}
		x.mu.Unlock()
		x.s.reset(c.Stream)
	}
	return end, err
}

func (x *session) dataConn(ctx context.Context) (*proto.Conn, error) {
	x.mu.Lock()
	c := x.data
	x.mu.Unlock()
	if c != nil {
		return c, nil
	}
	st, err := x.s.net.Dial(ctx, x.id, proto.DataProtocol, nil)
	if err != nil {
		return nil, err
	}
	c = proto.NewConn(st)
	x.mu.Lock()
	x.data = c
	x.mu.Unlock()
	return c, nil
}

// serve answers the requests of a data stream.
func (s *syncer) serve(ctx context.Context, from object.DeviceID, st proto.Stream) {
	defer s.reset(st)
	release := s.admitStream(from)
	if release == nil {
		return
	}
	defer release()
	x := s.proven(ctx, from)
	if x == nil { // nobody who has not proven itself gets an answer
		return
	}
	stop := context.AfterFunc(x.ctx, func() { s.reset(st) })
	defer stop()
	c := proto.NewConn(st)
	for x.ctx.Err() == nil {
		var q proto.Request
		err := c.Receive(&q, proto.MaxControl)
		if err == nil {
			err = x.answer(x.ctx, c, &q)
		}
		if errors.Is(err, proto.ErrViolation) { // the peer's: what is wrong with our own objects is not its fault
			s.strike(from, err)
			x.reset()
		}
		if err != nil {
			s.log.Debug("data stream ended", "peer", from.String(), "err", err)
			return
		}
	}
}

// admitStream counts a data stream of a peer; nil when it has too many.
func (s *syncer) admitStream(from object.DeviceID) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving[from] >= proto.MaxData {
		return nil
	}
	s.serving[from]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.serving[from]--; s.serving[from] == 0 {
			delete(s.serving, from)
		}
	}
}

// proven is the session of a peer; that of one who is about to prove itself is
// waited for.
func (s *syncer) proven(ctx context.Context, from object.DeviceID) *session {
	for {
		s.mu.Lock()
		x, proving, changed := s.sessions[from], s.proving[from] > 0, s.changed
		s.mu.Unlock()
		if x != nil || !proving {
			return x
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
}

func (x *session) answer(ctx context.Context, c *proto.Conn, q *proto.Request) error {
	end := &proto.End{}
	absent := func(id object.ID) {
		if len(end.Missing) < proto.MaxGet {
			end.Missing = append(end.Missing, append([]byte(nil), id[:]...))
		}
	}
	send := func(ids []object.ID) error {
		for b, err := range x.v.repo.Blocks(ctx, ids, absent) {
			if err != nil {
				return err
			}
			wire := make([][32]byte, len(b.IDs))
			for i, id := range b.IDs {
				wire[i] = id
			}
			x.s.sentBytes.Add(uint64(len(b.Bytes))) // before they go: the answer may be here before send returns
			x.s.sentObjects.Add(uint64(len(b.IDs)))
			if err := c.SendBlock(wire, b.Bytes); err != nil {
				return err
			}
		}
		return nil
	}
	toIDs := func(list [][]byte, limit int) ([]object.ID, error) {
		raw, err := proto.IDs32(list, limit)
		out := make([]object.ID, len(raw))
		for i, id := range raw {
			out[i] = id
		}
		return out, err
	}
	switch m := q.Request.(type) {
	case *proto.Request_Fetch:
		x.walk.Lock() // a Get may come between: it is how a long answer is looked at
		defer x.walk.Unlock()
		want, err := toIDs(m.Fetch.GetWant(), proto.MaxHave)
		if err != nil {
			return err
		}
		have, err := toIDs(m.Fetch.GetHave(), proto.MaxHave)
		if err != nil {
			return err
		}
		gone, err := collect(ctx, x.v, want, have, collectBatch, send)
		if err != nil {
			return err
		}
		for _, id := range gone {
			absent(id)
		}
	case *proto.Request_Get:
		ids, err := toIDs(m.Get.GetIds(), proto.MaxGet)
		if err != nil {
			return err
		}
		if err := send(ids); err != nil {
			return err
		}
	case *proto.Request_Has:
		ids, err := toIDs(m.Has.GetIds(), proto.MaxGet)
		if err != nil {
			return err
		}
		has, err := x.v.repo.Has(ctx, ids)
		if err != nil {
			return err
		}
		end.Bitmap = make([]byte, (len(ids)+7)/8)
		for i, ok := range has {
			if ok {
				end.Bitmap[i/8] |= 1 << (i % 8)
			}
		}
	default:
		return fmt.Errorf("%w: an empty request", proto.ErrViolation)
	}
	return c.SendEnd(end)
}
