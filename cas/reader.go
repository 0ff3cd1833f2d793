package cas

import (
	"context"
	"errors"
	"fmt"

	"github.com/bsvsync/bsv/object"
)

// Get returns an object's plain bytes; the caller must not change them. What is
// met damaged, or in a pack that is gone, is forgotten: see Forget.
func (s *Store) Get(ctx context.Context, id object.ID) ([]byte, error) {
	_, plain, err := s.get(ctx, id)
	return plain, err
}

func (s *Store) get(ctx context.Context, id object.ID) (object.Kind, []byte, error) {
	return s.getBy(ctx, id, s.load)
}

// loader reads and opens a block of a durable pack.
type loader func(name string, off, length uint32) (*plainBlock, error)

func (s *Store) getBy(ctx context.Context, id object.ID, load loader) (object.Kind, []byte, error) {
	kind, plain, err := s.tryGet(id, load)
	if !errors.Is(err, ErrDamaged) {
		return kind, plain, err
	}
	if ferr := s.Forget(ctx, id); ferr != nil {
		return 0, nil, errors.Join(err, ferr)
	}
	if kind, plain, again := s.tryGet(id, load); again == nil { // another pack has it, too
		return kind, plain, nil
	}
	return 0, nil, err
}

func (s *Store) tryGet(id object.ID, load loader) (_ object.Kind, _ []byte, err error) {
	for range 3 { // a pack may be rewritten between index and file
		var p *plainBlock
		var i int
		if p, i, err = s.find(id, load); err == nil {
			kind, plain := p.object(i)
			return kind, plain, nil
		}
		if !errors.Is(err, errCut) {
			return 0, nil, err
		}
	}
	return 0, nil, fmt.Errorf("read object %s: %w", id.Short(), err)
}

// find returns the opened block that holds an object.
func (s *Store) find(id object.ID, load loader) (*plainBlock, int, error) {
	s.mu.Lock()
	at, ok := s.pending[id]
	if ok {
		b := at.block
		if b.plain != nil { // slices of it stay valid: the block only grows
			p := *b.plain
			s.mu.Unlock()
			return &p, at.ordinal, nil
		}
		sealed, file, off, length := b.sealed, b.file, b.off, b.length
		s.mu.Unlock()
		if file == "" {
			p, err := s.cache.get(b, false, func() (*plainBlock, error) {
				p, _, err := s.seal.open(sealed)
				return p, err
			})
			return p, at.ordinal, err
		}
		p, err := load(file, off, length)
		return p, at.ordinal, err
	}
	s.mu.Unlock()
	l, pack, ok, err := s.index.find(id)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("object %s: %w", id.Short(), object.ErrMissing)
	}
	name := packName(pack.class, pack.id)
	p, err := load(name, l.off, l.length)
	if err != nil {
		return nil, 0, err
	}
	if int(l.ordinal) >= len(p.kinds) {
		return nil, 0, fmt.Errorf("%w: index entry of %s in %s", ErrDamaged, id.Short(), baseName(name))
	}
	if kind, plain := p.object(int(l.ordinal)); s.hash.Sum(kind, plain) != id {
		return nil, 0, fmt.Errorf("object %s of %s: %w: other bytes than its id says", id.Short(), baseName(name), ErrDamaged)
	}
	return p, int(l.ordinal), nil
}
