package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

const (
	// commitEvery is how many received bytes are made durable together.
	commitEvery = 64 << 20
	// lookEvery is after how many bytes or objects of an answer it is looked
	// at whether they were asked for: what a peer can make us keep beside it.
	lookEvery        = 64 << 20
	lookEveryObjects = 1 << 18
	// forgiven is how many bytes that were not asked for are no violation.
	forgiven = 256 << 10
	// usual bounds the blocks that are kept beside others: only a few that
	// nobody makes today are larger.
	usual = 2<<20 + 128<<10
)

// roundTrip sends a request and takes the answer. The first error ends it:
// that of a block that came, if there is one, before that of the stream. When
// it returns nothing of the request is under way any more.
func roundTrip(ctx context.Context, c *proto.Conn, q *proto.Request, r *receiver) (*proto.End, error) {
	if err := c.Send(q, proto.MaxControl); err != nil {
		return nil, err
	}
	r.in = newIntake(func() { r.x.s.reset(c.Stream) }) // nobody waits for more then
	end, err := r.receive(ctx, c)
	if kept := r.in.wait(); kept != nil {
		return nil, kept
	}
	return end, err
}

// arrival is an object that came and was new, with its share of its block.
type arrival struct {
	id   object.ID
	size int
}

func arrivals(ids []object.ID, b cas.Block) []arrival {
	out := make([]arrival, len(ids))
	for i, id := range ids {
		out[i] = arrival{id, len(b.Bytes) / len(b.IDs)}
	}
	return out
}

// receiver takes the blocks of an answer: they are verified and kept while
// more of them come.
type receiver struct {
	x          *session
	ask        map[object.ID]bool // of a Get: what was asked for
	want, have []object.ID        // of a Fetch
	in         *intake
	bytes      int // that came since the last commit
	seen       int // bytes that came before the look
	objects    int // as above
	looked     bool

	mu      sync.Mutex      // guards what follows while blocks are under way
	news    int             // objects that were new
	fresh   []arrival       // not looked at yet
	belongs map[uint64]bool // of a long answer: what lies below want, by the beginning of the ids
	total   int             // bytes that were new
	stray   int             // bytes of them that do not belong
}

// receive takes an answer to its end. Only waiting for the peer counts as its
// time: as long as all hands are full, nothing is read.
func (r *receiver) receive(ctx context.Context, c *proto.Conn) (*proto.End, error) {
	var waited time.Duration
	for bytes := 0; ; {
		begin := time.Now()
		ids, data, end, err := c.ReceiveFrame()
		if err != nil {
			return nil, err
		}
		bytes += len(data)
		if waited += time.Since(begin); waited > proto.Allowance(bytes) {
			return nil, fmt.Errorf("%w: %d bytes in %v", proto.ErrSlow, bytes, waited)
		}
		if end != nil {
			if end.GetError() != "" {
				return end, fmt.Errorf("the peer cannot answer: %s", end.GetError())
			}
			return end, nil
		}
		b := cas.Block{Bytes: data, IDs: make([]object.ID, len(ids))}
		for i, id := range ids {
			b.IDs[i] = id
		}
		if err := r.block(ctx, b); err != nil {
			return nil, err
		}
	}
}

// block hands a block on and does what is due after so many.
func (r *receiver) block(ctx context.Context, b cas.Block) error {
	large := len(b.Bytes) > usual
	if large {
		if err := r.in.wait(); err != nil {
			return err
		}
	}
	if err := r.in.run(func() error { return r.keep(ctx, b) }); err != nil {
		return err
	}
	if large {
		if err := r.in.wait(); err != nil {
			return err
		}
	}
	if err := r.look(ctx, b); err != nil {
		return err
	}
	if r.bytes += len(b.Bytes); r.bytes < commitEvery {
		return nil
	}
	r.bytes = 0 // blocks that are under way are the next commit's
	return r.in.run(func() error { return r.x.v.repo.Commit(ctx) })
}

// keep verifies and keeps a block; several may be kept at once.
func (r *receiver) keep(ctx context.Context, b cas.Block) error {
	var requested func(object.ID) bool
	if r.ask != nil {
		requested = func(id object.ID) bool { return r.ask[id] }
	}
	got, err := r.x.v.repo.Append(ctx, b, requested)
	if err != nil {
		return err
	}
	r.x.s.fetchedObjects.Add(uint64(len(got)))
	r.x.s.fetchedBytes.Add(uint64(len(b.Bytes)))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news += len(got)
	if r.ask != nil {
		return nil
	}
	r.fresh = append(r.fresh, arrivals(got, b)...)
	if r.belongs == nil {
		return nil
	}
	return r.judge()
}

// look counts what was not asked for. Children come first, so that of a short
// answer it shows at the end; a long one is held up after lookEvery bytes to
// get the metadata below what was asked for, top down and by id, and is judged
// block by block from then on.
func (r *receiver) look(ctx context.Context, b cas.Block) error {
	if r.ask != nil || r.looked {
		return nil
	}
	r.seen, r.objects = r.seen+len(b.Bytes), r.objects+len(b.IDs)
	if r.seen < lookEvery && r.objects < lookEveryObjects {
		return nil
	}
	r.looked = true
	if err := r.in.wait(); err != nil {
		return err
	}
	if err := r.x.fetchMeta(ctx, r.want); err != nil {
		return err
	}
	if err := r.below(ctx); err != nil {
		return err
	}
	return r.judge()
}

// judge counts what is fresh, of an answer of which it is known what belongs.
func (r *receiver) judge() error {
	r.count(r.fresh)
	r.fresh = r.fresh[:0]
	if r.stray > lookEvery/4 && r.stray*4 > r.total {
		return fmt.Errorf("%w: %d of %d bytes were not asked for", proto.ErrViolation, r.stray, r.total)
	}
	return nil
}

func (r *receiver) count(fresh []arrival) {
	for _, a := range fresh {
		r.total += a.size
		if !r.belongs[short(a.id)] {
			r.stray += a.size
		}
	}
}

// short is enough of a keyed digest to tell objects apart, at a quarter of the
// memory.
func short(id object.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// below notes what lies below what was asked for, as far as it is known.
func (r *receiver) below(ctx context.Context) error {
	r.belongs = map[uint64]bool{}
	_, err := collect(ctx, r.x.v, r.want, r.have, collectBatch, func(ids []object.ID) error {
		for _, id := range ids {
			r.belongs[short(id)] = true
		}
		return nil
	})
	return err
}
