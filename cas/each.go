package cas

import (
	"context"
	"errors"

	"github.com/bsvsync/bsv/object"
)

// Each reads the packs of a class and calls f with every object that can be read,
// whether anything names it or not. f must not keep the bytes.
func (s *Store) Each(ctx context.Context, class Class, f func(kind object.Kind, id object.ID, plain []byte) error) error {
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	for _, p := range packs {
		if p.class != class {
			continue
		}
		name := packName(class, p.id)
		table, err := readTable(s.be, name, p.size)
		if errors.Is(err, ErrDamaged) {
			table, err = scanBlocks(s.be, s.seal, s.hash, name)
		}
		if errors.Is(err, ErrDamaged) || isGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, k := range table {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := s.read(name, k.off, k.length)
			if errors.Is(err, ErrDamaged) {
				continue
			}
			if err != nil {
				return err
			}
			for i := range b.kinds {
				kind, plain := b.object(i)
				if err := f(kind, s.hash.Sum(kind, plain), plain); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
