package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// gather fetches what is missing whenever there is something.
func (x *session) gather(ctx context.Context) {
	retry := time.NewTimer(again)
	retry.Stop()
	defer retry.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-x.want:
			asked = true
		case <-retry.C:
		}
		due, wait := x.stale()
		if due {
			x.reset()
			return
		}
		var h *held
		err := x.fetchMissing(ctx, false)
		if errors.As(err, &h) && asked { // what came with the announcement is here
			if terr := x.gathered(ctx); terr != nil {
				err = terr
			}
		}
		switch {
		case ctx.Err() != nil:
			continue
		case errors.As(err, &h):
			retry.Reset(h.wait)
			continue
		case err == nil && wait > 0:
			retry.Reset(wait)
			continue
		case err == nil:
			retry.Stop()
			continue
		}
		if isViolation(err) {
			x.s.strike(x.id, err)
			x.reset()
			return
		}
		switch {
		case !isLocal(err):
			x.s.n.hearsay.warn(x.s.log, "fetch", "peer", x.id.String(), "err", err)
		case x.s.n.isRunning(): // a command says it at its end
			x.s.n.report(ctx, err)
		}
		if errors.Is(err, proto.ErrSlow) { // whoever is better may have the turn
			x.reset()
			return
		}
		retry.Reset(again)
	}
}

// lacking is what the records name and is not here: heads and settings. What the
// peer itself has published comes first: not all may fit a request, and of others
// there may be any number that nobody has.
func (x *session) lacking(ctx context.Context) (want, have []object.ID, err error) {
	have, pending, err := x.v.view.H(ctx)
	if err != nil {
		return nil, nil, err
	}
	want = append(want, pending...)
	miss, err := x.v.repo.Missing(ctx, x.v.view.named())
	want = append(want, miss...)
	own := x.v.view.namedBy(x.id)
	slices.SortStableFunc(want, func(a, b object.ID) int {
		switch {
		case own[a] == own[b]:
			return 0
		case own[a]:
			return -1
		}
		return 1
	})
	return want, have, err
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

// fetchMissing fetches what is lacking, unless that has to wait: then its error
// is held. urgent: a person waits for it.
func (x *session) fetchMissing(ctx context.Context, urgent bool) (err error) {
	x.asking.Lock()
	defer x.asking.Unlock()
	release, err := x.s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := x.fetchHoles(ctx); err != nil {
		return err
	}
	want, have, err := x.lacking(ctx)
	if err != nil {
		return err
	}
	if len(want) > 0 {
		if err := x.hold(want, urgent); err != nil {
			return err
		}
	}
	asked := want
	defer func() { x.ended(ctx, asked, err) }()
	if len(want) > 0 {
		if have, err = x.shared(ctx, have); err != nil {
			return err
		}
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
	return x.gathered(ctx)
}

// gathered tells of what is complete here by now.
func (x *session) gathered(ctx context.Context) error {
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

// fetchRoots asks for everything below some roots that is not below others:
// one round trip.
func (x *session) fetchRoots(ctx context.Context, want, have []object.ID) error {
	want, have = want[:min(len(want), proto.MaxHave)], have[:min(len(have), proto.MaxHave)]
	m := &proto.Fetch{Want: raw(want), Have: raw(have)}
	r := &receiver{x: x, want: want, have: have}
	_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Fetch{Fetch: m}}, r)
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
	r.count(fresh)
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
		if _, err := roundTrip(ctx, c, &proto.Request{Request: &proto.Request_Get{Get: &proto.Get{Ids: raw(lack)}}}, r); err != nil {
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
			miss, err := missing(ctx, x.v, root, x.v.view.hasComplete, false)
			if isBroken(err) { // settings have no closure
				continue
			}
			if err != nil {
				return err
			}
			for _, id := range miss.all() {
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
		_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Get{Get: m}}, r)
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
