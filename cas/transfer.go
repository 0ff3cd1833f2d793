package cas

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/bsvsync/bsv/object"
)

// ErrViolation is wrapped by errors about blocks of a peer that no honest
// peer sends: damaged, of wrong ids, or not asked for.
var ErrViolation = errors.New("protocol violation")

// Append takes a block as it came from elsewhere: it opens it, checks every
// id and the canonical form of every object, and keeps the sealed bytes.
// Objects for which requested is false may be at most a quarter of the plain
// bytes; a nil requested accepts all. It returns the ids that were new here.
func (s *Store) Append(_ context.Context, b Block, requested func(object.ID) bool) ([]object.ID, error) {
	if len(b.Bytes) > maxBlock {
		return nil, fmt.Errorf("append: %w: a block of %d bytes", ErrViolation, len(b.Bytes))
	}
	p, class, err := s.seal.open(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("append: %w: %w", ErrViolation, err)
	}
	if len(p.kinds) != len(b.IDs) {
		return nil, fmt.Errorf("append: %w: %d ids for %d objects", ErrViolation, len(b.IDs), len(p.kinds))
	}
	unasked := 0
	for i, id := range b.IDs {
		kind, plain := p.object(i)
		if s.hash.Sum(kind, plain) != id {
			return nil, fmt.Errorf("append: %w: object %s has other bytes", ErrViolation, id.Short())
		}
		if err := object.Validate(kind, plain); err != nil {
			return nil, fmt.Errorf("append: %w: object %s: %w", ErrViolation, id.Short(), err)
		}
		if requested != nil && !requested(id) {
			unasked += len(plain)
		}
	}
	if unasked*4 > len(p.data) {
		return nil, fmt.Errorf("append: %w: %d of %d bytes were not asked for", ErrViolation, unasked, len(p.data))
	}
	has, err := s.Has(context.Background(), b.IDs)
	if err != nil {
		return nil, err
	}
	var fresh []object.ID
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return nil, s.err
	}
	m := &memBlock{class: class, plain: p, ids: b.IDs}
	for i, id := range b.IDs {
		if _, ok := s.pending[id]; ok || has[i] {
			continue
		}
		s.pending[id] = place{m, i}
		fresh = append(fresh, id)
	}
	s.mu.Unlock()
	if len(fresh) == 0 {
		return nil, nil
	}
	return fresh, s.fail(s.keep(m, b.Bytes))
}

// Blocks enumerates blocks that hold the given objects: a stored block as it
// is when at least 3/4 of its plain bytes are wanted, otherwise a new one.
// Objects that the store does not hold are left out and counted by missing.
func (s *Store) Blocks(ctx context.Context, ids []object.ID, missing func(object.ID)) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		type group struct {
			name   string
			l      location
			ids    []object.ID
			wanted map[int]bool
		}
		var order []*group
		by := map[blockKey]*group{}
		var loose []object.ID
		for _, id := range ids {
			s.mu.Lock()
			_, pending := s.pending[id]
			s.mu.Unlock()
			if pending {
				loose = append(loose, id)
				continue
			}
			l, pack, ok, err := s.index.find(id)
			if err != nil {
				yield(Block{}, err)
				return
			}
			if !ok {
				missing(id)
				continue
			}
			k := blockKey{packName(pack.class, pack.id), l.off}
			g := by[k]
			if g == nil {
				g = &group{name: k.name, l: l, wanted: map[int]bool{}}
				by[k] = g
				order = append(order, g)
			}
			g.ids = append(g.ids, id)
			g.wanted[int(l.ordinal)] = true
		}
		out := &reblock{s: s, yield: yield}
		for _, g := range order {
			p, err := s.load(g.name, g.l.off, g.l.length)
			if err != nil {
				if isGone(err) { // rewritten meanwhile
					loose = append(loose, g.ids...)
					continue
				}
				yield(Block{}, err)
				return
			}
			size := 0
			for i := range p.kinds {
				if _, plain := p.object(i); g.wanted[i] {
					size += len(plain)
				}
			}
			if size*4 < len(p.data)*3 {
				loose = append(loose, g.ids...)
				continue
			}
			b, err := s.be.Read(g.name, int64(g.l.off), int(g.l.length))
			if err != nil {
				if isGone(err) {
					loose = append(loose, g.ids...)
					continue
				}
				yield(Block{}, err)
				return
			}
			all := make([]object.ID, len(p.kinds))
			for i := range p.kinds {
				kind, plain := p.object(i)
				all[i] = s.hash.Sum(kind, plain)
			}
			if !yield(Block{all, b}, nil) {
				return
			}
		}
		for _, id := range loose {
			if err := ctx.Err(); err != nil {
				yield(Block{}, err)
				return
			}
			kind, plain, err := s.get(id)
			if err == nil {
				err = out.add(id, kind, plain)
			}
			if err != nil {
				if !errors.Is(err, errStopped) {
					yield(Block{}, err)
				}
				return
			}
		}
		if err := out.flush(); err != nil && !errors.Is(err, errStopped) {
			yield(Block{}, err)
		}
	}
}

// errStopped says that the consumer wants no more.
var errStopped = errors.New("enumeration stopped")

// reblock puts objects into new blocks for sending.
type reblock struct {
	s     *Store
	yield func(Block, error) bool
	p     [3]*plainBlock
	ids   [3][]object.ID
}

func (r *reblock) add(id object.ID, kind object.Kind, plain []byte) error {
	class := classOf(kind)
	if p := r.p[class]; p != nil && len(p.data)+len(plain) > blockTarget {
		if err := r.send(class); err != nil {
			return err
		}
	}
	if r.p[class] == nil {
		r.p[class] = &plainBlock{}
	}
	r.p[class].add(kind, plain)
	r.ids[class] = append(r.ids[class], id)
	return nil
}

func (r *reblock) send(class Class) error {
	sealed, err := r.s.seal.seal(class, r.p[class])
	if err != nil {
		return err
	}
	b := Block{r.ids[class], sealed}
	r.p[class], r.ids[class] = nil, nil
	if !r.yield(b, nil) {
		return errStopped
	}
	return nil
}

func (r *reblock) flush() error {
	for _, class := range []Class{Data, Meta} {
		if r.p[class] != nil {
			if err := r.send(class); err != nil {
				return err
			}
		}
	}
	return nil
}
