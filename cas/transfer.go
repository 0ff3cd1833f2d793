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
// id and the canonical form of every object, and keeps the sealed bytes, which
// are the store's from then on. Objects for which requested is false may be at
// most a quarter of the plain bytes; a nil requested accepts all. It returns
// the ids that were new here: of several who bring the same object at once one
// is told so. Append is safe for concurrent use.
func (s *Store) Append(ctx context.Context, b Block, requested func(object.ID) bool) ([]object.ID, error) {
	class, err := s.check(b, requested)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	has, err := s.Has(ctx, b.IDs)
	if err != nil {
		return nil, err
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return nil, s.err
	}
	m := &memBlock{class: class, ids: b.IDs, sealed: b.Bytes}
	var fresh []object.ID
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

// check verifies a block of a peer.
func (s *Store) check(b Block, requested func(object.ID) bool) (Class, error) {
	if len(b.Bytes) > maxBlock {
		return 0, fmt.Errorf("%w: a block of %d bytes", ErrViolation, len(b.Bytes))
	}
	x := s.seal.scratch()
	defer s.seal.release(x)
	p, class, err := s.seal.openIn(x, b.Bytes)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrViolation, err)
	}
	if len(p.kinds) != len(b.IDs) {
		return 0, fmt.Errorf("%w: %d ids for %d objects", ErrViolation, len(b.IDs), len(p.kinds))
	}
	unasked := 0
	for i, id := range b.IDs {
		kind, plain := p.object(i)
		if s.hash.Sum(kind, plain) != id {
			return 0, fmt.Errorf("%w: object %s has other bytes", ErrViolation, id.Short())
		}
		if err := object.Validate(kind, plain); err != nil {
			return 0, fmt.Errorf("%w: object %s: %w", ErrViolation, id.Short(), err)
		}
		if requested != nil && !requested(id) {
			unasked += len(plain)
		}
	}
	if unasked*4 > len(p.data) {
		return 0, fmt.Errorf("%w: %d of %d bytes were not asked for", ErrViolation, unasked, len(p.data))
	}
	return class, nil
}

// Blocks enumerates blocks that hold the given objects: a stored block as it
// is when at least 3/4 of its plain bytes are wanted, otherwise a new one.
// Objects that the store does not hold, or cannot read, are left out and counted
// by missing.
func (s *Store) Blocks(ctx context.Context, ids []object.ID, missing func(object.ID)) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		var order []*wanted
		by := map[blockKey]*wanted{}
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
			if errors.Is(err, ErrDamaged) {
				loose = append(loose, id)
				continue
			}
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
				g = &wanted{name: k.name, l: l, ordinals: map[uint32]object.ID{}}
				by[k] = g
				order = append(order, g)
			}
			g.ids = append(g.ids, id)
			g.ordinals[l.ordinal] = id
		}
		out := &reblock{s: s, yield: yield}
		for _, g := range order {
			b, err := s.stored(g)
			if errors.Is(err, ErrDamaged) || err == nil && b.Bytes == nil { // it may lie elsewhere, too, or be rewritten by now; or too little of it is wanted
				loose = append(loose, g.ids...)
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
		for _, id := range loose {
			if err := ctx.Err(); err != nil {
				yield(Block{}, err)
				return
			}
			kind, plain, err := s.get(ctx, id)
			if errors.Is(err, ErrDamaged) || errors.Is(err, object.ErrMissing) { // somebody else may have it
				missing(id)
				continue
			}
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

// wanted is a stored block of which objects are wanted.
type wanted struct {
	name     string
	l        location
	ids      []object.ID
	ordinals map[uint32]object.ID
}

// stored is the block as it lies in its pack, the zero Block when less than
// 3/4 of its plain bytes are wanted. One that is wanted whole is not opened: its
// checksum tells rot, and whoever receives it checks every id.
func (s *Store) stored(g *wanted) (Block, error) {
	b, err := s.readSealed(g.name, g.l.off, g.l.length)
	if err != nil {
		return Block{}, err
	}
	_, count, err := intact(b)
	if err != nil {
		return Block{}, fmt.Errorf("block at %d of %s: %w", g.l.off, baseName(g.name), err)
	}
	ids := make([]object.ID, count)
	if len(g.ordinals) == count {
		for i, id := range g.ordinals {
			if int(i) >= count {
				return Block{}, fmt.Errorf("%w: index entry of %s", ErrDamaged, id.Short())
			}
			ids[i] = id
		}
		return Block{ids, b}, nil
	}
	p, err := s.load(g.name, g.l.off, g.l.length)
	if err != nil {
		return Block{}, err
	}
	size := 0
	for i := range p.kinds {
		kind, plain := p.object(i)
		ids[i] = s.hash.Sum(kind, plain)
		if _, ok := g.ordinals[uint32(i)]; ok {
			size += len(plain)
		}
	}
	if size*4 < len(p.data)*3 {
		return Block{}, nil
	}
	return Block{ids, b}, nil
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
