package cas

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/object"
)

// Forget makes an object absent whose block is damaged, with all others of
// that block, so that it can be stored again: from the disk, or from a peer.
// One that lies in another pack too is found there from now on. A readable
// object stays. The damaged pack stays as it is.
func (s *Store) Forget(ctx context.Context, id object.ID) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if _, _, err := s.find(id, s.load); !errors.Is(err, ErrDamaged) {
		return nil // readable, gone already, or the disk's trouble
	}
	l, pack, ok, err := s.index.find(id)
	if err != nil || !ok {
		return err
	}
	lost := map[object.ID]*location{id: nil}
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	tables := map[uint32][]packBlock{}
	for _, p := range packs {
		if p.class != pack.class {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		table, err := readTable(s.be, packName(p.class, p.id), p.size)
		if err != nil {
			continue // it tells of no other copy
		}
		tables[p.number] = table
	}
	for _, k := range tables[l.pack] {
		if k.off == l.off {
			for _, other := range k.ids {
				lost[other] = nil
			}
		}
	}
	for _, p := range packs {
		for _, k := range tables[p.number] {
			if p.number == l.pack && k.off == l.off {
				continue
			}
			if err := s.copies(p, k, lost); err != nil {
				return err
			}
		}
	}
	s.log.Error("a damaged block is left out", "pack", baseName(packName(pack.class, pack.id)), "objects", len(lost))
	generation, err := s.index.move(lost, l)
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	s.mu.Lock()
	s.index.generation = generation
	s.mu.Unlock()
	return nil
}

// copies notes which of some objects a block of another pack holds, if that
// can be read.
func (s *Store) copies(p indexedPack, k packBlock, lost map[object.ID]*location) error {
	for i, id := range k.ids {
		if at, ok := lost[id]; !ok || at != nil {
			continue
		}
		b, err := s.load(packName(p.class, p.id), k.off, k.length)
		if errors.Is(err, ErrDamaged) || isGone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if i >= len(b.kinds) {
			return nil
		}
		if kind, plain := b.object(i); s.hash.Sum(kind, plain) == id {
			lost[id] = &location{p.number, k.off, k.length, uint32(i)}
		}
	}
	return nil
}

// move gives objects that lie at a place other places; nil removes them. The
// index is another generation then.
func (x *index) move(ids map[object.ID]*location, from location) (generation [16]byte, err error) {
	rand.Read(generation[:])
	return generation, x.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects)
		for id, to := range ids {
			v := b.Get(id[:])
			if v == nil {
				continue
			}
			if l, err := decodeLocation(id, v); err != nil || l.pack != from.pack || l.off != from.off {
				continue // it lies elsewhere
			}
			var err error
			if to == nil {
				err = b.Delete(id[:])
			} else {
				err = b.Put(id[:], encodeLocation(id, *to))
			}
			if err != nil {
				return err
			}
		}
		return tx.Bucket(bucketSelf).Put([]byte("generation"), generation[:])
	})
}
