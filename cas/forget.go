package cas

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bsvsync/bsv/object"
)

// Forget makes an object absent that is damaged or whose pack is gone, with all
// others that are so for the same reason, so that it can be stored again: from
// the disk, or from a peer. One that lies in another pack too is found there from
// now on. A readable object stays. The damaged pack stays as it is.
func (s *Store) Forget(ctx context.Context, id object.ID) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if _, _, err := s.find(id, s.read); !errors.Is(err, ErrDamaged) { // whatever the cache still holds
		return nil // readable, gone already, or the disk's trouble
	}
	l, pack, ok, err := s.index.find(id)
	if errors.Is(err, ErrDamaged) { // the entry itself: it says nothing of where the object lies
		return s.forget(ctx, map[object.ID]*location{id: nil}, nil, Place{})
	}
	if err != nil || !ok {
		return err
	}
	lost, gone, err := s.beside(id, l, pack)
	if err != nil {
		return err
	}
	s.log.Error("what is damaged is left out", "pack", baseName(packName(pack.class, pack.id)), "gone", gone, "objects", len(lost))
	var drop []indexedPack
	if gone {
		drop = append(drop, pack)
	}
	return s.forget(ctx, lost, drop, Place{pack.id, l.off})
}

// beside is what is lost with an object: the others of its block, and what lay
// behind the end of its pack, if that was cut off; all when the pack is gone.
func (s *Store) beside(id object.ID, l location, pack indexedPack) (lost map[object.ID]*location, gone bool, err error) {
	lost = map[object.ID]*location{id: nil}
	name := packName(pack.class, pack.id)
	size, err := s.be.Size(name)
	if err != nil && !isGone(err) {
		return nil, false, err
	}
	gone = err != nil
	if size == pack.size {
		if table, err := readTable(s.be, name, size); err == nil {
			for _, k := range table {
				if k.off == l.off {
					for _, other := range k.ids {
						lost[other] = nil
					}
				}
			}
			return lost, false, nil
		}
	}
	err = s.index.each(func(other object.ID, at location) {
		if at.pack == l.pack && (at.off == l.off || gone || int64(at.off)+int64(at.length) > size) {
			lost[other] = nil
		}
	})
	return lost, gone, err
}

// forget makes objects absent, or found elsewhere where another pack holds them,
// too, and drops packs that are gone. The caller holds commitMu.
func (s *Store) forget(ctx context.Context, lost map[object.ID]*location, gone []indexedPack, at Place) error {
	from := map[object.ID]location{}
	for id := range lost {
		if l, _, ok, err := s.index.find(id); ok && err == nil {
			from[id] = l
		}
	}
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	for _, p := range packs {
		if err := ctx.Err(); err != nil {
			return err
		}
		size, err := s.be.Size(packName(p.class, p.id))
		if isGone(err) {
			continue
		}
		var table []packBlock
		if err == nil {
			table, err = readTable(s.be, packName(p.class, p.id), size)
		}
		if errors.Is(err, ErrDamaged) || isGone(err) || errors.Is(err, io.ErrUnexpectedEOF) {
			continue // it tells of no other copy
		}
		if err != nil {
			return err
		}
		for _, k := range table {
			if err := s.copies(p, k, lost); err != nil {
				return err
			}
		}
	}
	generation, err := s.index.move(lost, from, gone)
	if errors.Is(err, berrors.ErrDatabaseReadOnly) { // whoever reads it meets it again
		return nil
	}
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	s.mu.Lock()
	s.index.generation = generation
	clear(s.there)
	s.mu.Unlock()
	if s.forgotten != nil {
		s.forgotten(at, generation)
	}
	return nil
}

// copies notes which of some objects a block holds, if that can be read.
func (s *Store) copies(p indexedPack, k packBlock, lost map[object.ID]*location) error {
	var b *plainBlock
	for i, id := range k.ids {
		if at, ok := lost[id]; !ok || at != nil {
			continue
		}
		if b == nil {
			var err error
			if b, err = s.read(packName(p.class, p.id), k.off, k.length); errors.Is(err, ErrDamaged) {
				return nil
			} else if err != nil {
				return err
			}
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

// move gives objects that lie at some places others; nil removes them. Packs that
// are gone leave the index, which is another generation then.
func (x *index) move(ids map[object.ID]*location, from map[object.ID]location, gone []indexedPack) (generation [16]byte, err error) {
	rand.Read(generation[:])
	return generation, x.db.Update(func(tx *bolt.Tx) error {
		var lost []object.ID
		var moved []indexRow
		for id, to := range ids {
			l, ok, err := locate(tx, id)
			if err != nil {
				return err
			}
			switch {
			case !ok || l != from[id]: // it lies elsewhere
			case to == nil:
				lost = append(lost, id)
			default:
				moved = append(moved, indexRow{id: id, l: *to})
			}
		}
		if err := errors.Join(x.removeRows(tx, lost), x.addLately(tx, moved, true), x.dropPacks(tx, gone)); err != nil {
			return err
		}
		return tx.Bucket(bucketSelf).Put([]byte("generation"), generation[:])
	})
}
