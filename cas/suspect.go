package cas

import (
	"context"

	"github.com/bsvsync/bsv/object"
)

// Place is where a block lies.
type Place struct {
	Pack [32]byte
	Off  uint32
}

// Suspect looks again at blocks that were found damaged and forgotten: an index
// that was built anew takes them from the tables of their packs, unread. It
// returns those that a later index may take again.
func (s *Store) Suspect(ctx context.Context, places []Place) ([]Place, error) {
	if len(places) == 0 {
		return nil, nil
	}
	packs, err := s.index.packs()
	if err != nil {
		return nil, err
	}
	type block struct{ pack, off uint32 }
	some := map[block]object.ID{} // one object of each that the index knows there
	for _, p := range places {
		if k, ok := packs[p.Pack]; ok {
			some[block{k.number, p.Off}] = object.ID{}
		}
	}
	err = s.index.each(func(id object.ID, at location) {
		if _, ok := some[block{at.pack, at.off}]; ok {
			some[block{at.pack, at.off}] = id
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Place
	for _, p := range places {
		k, ok := packs[p.Pack]
		if !ok {
			continue
		}
		if id := some[block{k.number, p.Off}]; !id.IsZero() {
			before := s.Generation()
			if err := s.Forget(ctx, id); err != nil {
				return nil, err
			}
			if s.Generation() == before { // it can be read
				continue
			}
		}
		out = append(out, p)
	}
	return out, nil
}
