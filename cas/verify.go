package cas

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"

	"github.com/bsvsync/bsv/object"
)

// Damage is one thing that Verify found.
type Damage struct {
	Pack string
	Err  error
}

// Verify reads every pack, compares it with its name, opens every block and
// computes every id.
func (s *Store) Verify(ctx context.Context) iter.Seq2[Damage, error] {
	return func(yield func(Damage, error) bool) {
		for f, err := range s.be.List("packs") {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Damage{}, err)
				return
			}
			_, id, ok := parsePackName(f.Name)
			if !ok {
				continue
			}
			if err := s.verifyPack(f, id); err != nil && !yield(Damage{f.Name, err}, nil) {
				return
			}
		}
	}
}

func (s *Store) verifyPack(f FileInfo, id packID) error {
	b, err := s.be.Read(f.Name, 0, -1)
	if err != nil {
		return err
	}
	if sha256.Sum256(b) != id {
		return fmt.Errorf("%w: other bytes than its name says", ErrDamaged)
	}
	table, err := readTable(s.be, f.Name, f.Size)
	if err != nil {
		return err
	}
	for _, k := range table {
		p, _, err := s.seal.open(b[k.off : k.off+k.length])
		if err != nil {
			return err
		}
		if len(p.kinds) != len(k.ids) {
			return fmt.Errorf("%w: table and block differ", ErrDamaged)
		}
		for i, want := range k.ids {
			kind, plain := p.object(i)
			if s.hash.Sum(kind, plain) != want {
				return fmt.Errorf("%w: object %s", ErrDamaged, want.Short())
			}
			if err := object.Validate(kind, plain); err != nil {
				return err
			}
		}
	}
	return nil
}
