package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// again is after how long a fetch that failed is tried again.
const again = time.Second

// gather fetches what is missing whenever there is something.
func (x *session) gather(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.want:
		}
		err := x.fetchMissing(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if isViolation(err) {
			x.s.strike(x.id, err)
			x.reset()
			return
		}
		x.s.log.Warn("fetch", "peer", x.id.String(), "err", err)
		if errors.Is(err, proto.ErrSlow) { // whoever is better may have the turn
			x.reset()
			return
		}
		time.AfterFunc(again, x.fetch)
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

// turn lets one session fetch at a time, so that nothing is fetched twice; but
// no peer, however slow, holds the others up for longer than Idle.
func (s *syncer) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(proto.Idle):
		return func() {}, nil
	}
}

func (x *session) fetchMissing(ctx context.Context) error {
	x.asking.Lock()
	defer x.asking.Unlock()
	release, err := x.s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
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
	if err := x.v.view.save(); err != nil {
		return err
	}
	x.s.signal()
	x.s.kickAll()
	x.s.n.members()
	for d := range x.v.view.memberChains() {
		if err := x.s.n.prune(ctx, x.v, d); err != nil {
			return err
		}
	}
	return nil
}

const (
	// commitEvery is how many received bytes are made durable together.
	commitEvery = 64 << 20
	// lookEvery is after how many bytes or objects of an answer it is looked
	// at whether they were asked for: what a peer can make us keep beside it.
	lookEvery        = 64 << 20
	lookEveryObjects = 1 << 18
	// forgiven is how many bytes that were not asked for are no violation.
	forgiven = 256 << 10
)

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

// receiver appends blocks of an answer.
type receiver struct {
	x          *session
	ask        map[object.ID]bool // of a Get: what was asked for
	want, have []object.ID        // of a Fetch
	fresh      []arrival          // not looked at yet
	news       int                // objects that were new
	bytes      int                // since the last commit
	seen       int                // bytes since the last look
	belongs    map[uint64]bool    // of a long answer: what lies below want, by the beginning of the ids
	total      int                // bytes that were new
	stray      int                // bytes of them that do not belong
}

func (r *receiver) block(ctx context.Context, ids [][32]byte, data []byte) error {
	b := cas.Block{Bytes: data, IDs: make([]object.ID, len(ids))}
	for i, id := range ids {
		b.IDs[i] = id
	}
	var requested func(object.ID) bool
	if r.ask != nil {
		requested = func(id object.ID) bool { return r.ask[id] }
	}
	got, err := r.x.v.repo.Append(ctx, b, requested)
	if err != nil {
		return err
	}
	r.news += len(got)
	r.x.s.fetchedObjects.Add(uint64(len(got)))
	r.x.s.fetchedBytes.Add(uint64(len(data)))
	if r.ask == nil {
		if err := r.look(ctx, arrivals(got, b), len(data)); err != nil {
			return err
		}
	}
	if r.bytes += len(data); r.bytes >= commitEvery {
		r.bytes = 0
		return r.x.v.repo.Commit(ctx)
	}
	return nil
}

// look counts what was not asked for. Children come first, so that of a short
// answer it shows at the end; a long one is held up after lookEvery bytes to
// get the metadata below what was asked for, top down and by id, and is judged
// block by block from then on.
func (r *receiver) look(ctx context.Context, got []arrival, size int) error {
	r.fresh = append(r.fresh, got...)
	r.seen += size
	if r.belongs == nil {
		if r.seen < lookEvery && len(r.fresh) < lookEveryObjects {
			return nil
		}
		if err := r.x.fetchMeta(ctx, r.want); err != nil {
			return err
		}
		if err := r.below(ctx); err != nil {
			return err
		}
	}
	for _, a := range r.fresh {
		r.total += a.size
		if !r.belongs[short(a.id)] {
			r.stray += a.size
		}
	}
	r.fresh = r.fresh[:0]
	if r.stray > lookEvery/4 && r.stray*4 > r.total {
		return fmt.Errorf("%w: %d of %d bytes were not asked for", proto.ErrViolation, r.stray, r.total)
	}
	return nil
}

// short is enough of a keyed digest to tell objects apart, at a quarter of the
// memory.
func short(id object.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// below notes what lies below what was asked for, as far as it is known.
func (r *receiver) below(ctx context.Context) error {
	r.belongs = map[uint64]bool{}
	_, err := collect(ctx, r.x.v, r.want, r.have, func(ids []object.ID) error {
		for _, id := range ids {
			r.belongs[short(id)] = true
		}
		return nil
	})
	return err
}

// fetchRoots asks for everything below some roots that is not below others:
// one round trip.
func (x *session) fetchRoots(ctx context.Context, want, have []object.ID) error {
	want, have = want[:min(len(want), proto.MaxHave)], have[:min(len(have), proto.MaxHave)]
	m := &proto.Fetch{Want: raw(want), Have: raw(have)}
	r := &receiver{x: x, want: want, have: have}
	_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Fetch{Fetch: m}}, r.block)
	if cerr := x.v.repo.Commit(ctx); err == nil { // what has come stays
		err = cerr
	}
	if err != nil {
		return err
	}
	x.v.view.fresh(ctx)
	if r.belongs != nil {
		return nil // judged already
	}
	return x.askedFor(ctx, want, have, r.fresh)
}

// raw turns ids into the fields of a message.
func raw(ids []object.ID) [][]byte {
	out := make([][]byte, len(ids))
	for i := range ids {
		out[i] = ids[i][:]
	}
	return out
}

// askedFor checks that what came belongs to what was asked for: of the plain
// bytes of a session at most a quarter may not.
func (x *session) askedFor(ctx context.Context, want, have []object.ID, fresh []arrival) error {
	if len(fresh) == 0 {
		return nil
	}
	r := &receiver{x: x, want: want, have: have}
	if err := r.below(ctx); err != nil {
		return err
	}
	for _, a := range fresh {
		r.total += a.size
		if !r.belongs[short(a.id)] {
			r.stray += a.size
		}
	}
	if r.stray*8 >= r.total && r.stray > 0 { // the shares of blocks are a guess: count
		r.stray, r.total = 0, 0
		for _, a := range fresh {
			b, err := x.v.repo.Get(ctx, a.id)
			if err != nil {
				return err
			}
			r.total += len(b)
			if !r.belongs[short(a.id)] {
				r.stray += len(b)
			}
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stray, x.total = x.stray+r.stray, x.total+r.total
	if x.stray > forgiven && x.stray*4 > x.total {
		return fmt.Errorf("%w: %d of %d bytes were not asked for", proto.ErrViolation, x.stray, x.total)
	}
	return nil
}

// fetchMeta gets the snapshots, lists and trees below some roots that are not
// here, on a stream of its own.
func (x *session) fetchMeta(ctx context.Context, roots []object.ID) error {
	st, err := x.s.net.Dial(ctx, x.id, proto.DataProtocol, nil)
	if err != nil {
		return err
	}
	defer x.s.reset(st)
	stop := context.AfterFunc(ctx, func() { x.s.reset(st) })
	defer stop()
	c := proto.NewConn(st)
	seen := map[uint64]bool{}
	todo := append([]object.ID(nil), roots...)
	var lack []object.ID
	for len(todo) > 0 || len(lack) > 0 {
		for len(todo) > 0 && len(lack) < proto.MaxGet {
			id := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[short(id)] || x.v.view.hasComplete(id) {
				continue
			}
			links, err := x.links(ctx, id)
			if errors.Is(err, object.ErrMissing) {
				lack = append(lack, id)
				continue
			}
			if err != nil {
				return err
			}
			seen[short(id)] = true
			todo = append(todo, links...)
		}
		if len(lack) == 0 {
			return nil
		}
		r := &receiver{x: x, ask: map[object.ID]bool{}}
		for _, id := range lack {
			r.ask[id] = true
			seen[short(id)] = true
		}
		x.s.roundTrips.Add(1)
		if _, err := roundTrip(ctx, c, &proto.Request{Request: &proto.Request_Get{Get: &proto.Get{Ids: raw(lack)}}}, r.block); err != nil {
			return err
		}
		for _, id := range lack {
			links, err := x.links(ctx, id)
			if errors.Is(err, object.ErrMissing) {
				continue // the peer has not got it
			}
			if err != nil {
				return err
			}
			todo = append(todo, links...)
		}
		lack = nil
	}
	return nil
}

// links are the objects but chunks that an object refers to.
func (x *session) links(ctx context.Context, id object.ID) ([]object.ID, error) {
	b, err := x.v.repo.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := object.Links(object.KindTree, b) // any kind but chunks reads alike
	if err != nil {
		return nil, nil // a chunk that a link calls something else: it leads nowhere
	}
	var out []object.ID
	for _, l := range list {
		if !l.Chunk {
			out = append(out, l.ID)
		}
	}
	return out, nil
}

// fetchRest asks for missing objects by id until nothing more comes.
func (x *session) fetchRest(ctx context.Context, want []object.ID) error {
	for {
		ask := map[object.ID]bool{}
		for _, root := range want {
			miss, err := missing(ctx, x.v, root, x.v.view.hasComplete)
			if isBroken(err) { // settings have no closure
				continue
			}
			if err != nil {
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
		r := &receiver{x: x, ask: ask}
		_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Get{Get: m}}, r.block)
		if cerr := x.v.repo.Commit(ctx); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
		x.v.view.fresh(ctx)
		if r.news == 0 {
			return nil // the peer has no more
		}
	}
}
