package cas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// smallPacks is how many small packs of a class may pile up before Compact
	// merges them, and atOnce how many of these it merges at least.
	smallPacks = 24
	atOnce     = 16
)

// Compact merges small packs when many have piled up, so that a watched
// directory does not leave a file per save. Blocks are copied as they are;
// the old packs go after the new ones are durable and indexed. Those that it
// merged before are merged again only with about as much: a block is copied as
// often as the logarithm of what was written, not once for every few saves.
func (s *Store) Compact(ctx context.Context) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if err := s.failed(); err != nil {
		return err
	}
	if 0 < s.piled && s.piled < smallPacks { // it is asked after every commit
		return nil
	}
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	piled := 1
	for _, class := range []Class{Data, Meta} {
		var small []indexedPack
		for _, p := range packs {
			if p.class == class && p.size < int64(class.target())/2 {
				small = append(small, p)
			}
		}
		if len(small) < smallPacks {
			piled = max(piled, len(small))
			continue
		}
		s.piled = 0
		if err := s.compactClass(ctx, class, smallest(small)); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		piled = smallPacks // how many are left, the next look tells
	}
	s.piled = piled
	return nil
}

// smallest returns the smallest of some packs, up to one that is much larger than
// all before it together, in the order of their writing.
func smallest(packs []indexedPack) []indexedPack {
	slices.SortFunc(packs, func(a, b indexedPack) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.number, b.number))
	})
	var sum int64
	n := 0
	for ; n < len(packs) && (n < atOnce || packs[n].size <= 2*sum); n++ {
		sum += packs[n].size
	}
	packs = packs[:n]
	slices.SortFunc(packs, func(a, b indexedPack) int { return cmp.Compare(a.number, b.number) })
	return packs
}

func (s *Store) compactClass(ctx context.Context, class Class, small []indexedPack) error {
	var out []filedPack
	open := &openPack{class: class}
	write := func() error {
		if len(open.blocks) == 0 {
			return nil
		}
		id, table, size, err := open.write(s.be, s.device, s.session)
		if err != nil {
			return s.fail(err)
		}
		s.mu.Lock()
		s.wrote(packName(class, id))
		s.mu.Unlock()
		out = append(out, filedPack{class, id, size, table})
		open = &openPack{class: class}
		return nil
	}
	damaged := map[packID]bool{}
	for _, p := range small {
		if err := ctx.Err(); err != nil {
			return err
		}
		blocks, err := s.blocksOf(p)
		if errors.Is(err, ErrDamaged) || isGone(err) { // it stays as it is: what else it holds may be read
			s.log.Error("a damaged pack is left out", "err", err)
			damaged[p.id] = true
			continue
		}
		if err != nil {
			return err
		}
		for _, b := range blocks {
			open.blocks = append(open.blocks, b)
			open.size += len(b.sealed)
			if open.size >= class.target() {
				if err := write(); err != nil {
					return err
				}
			}
		}
	}
	if err := write(); err != nil {
		return err
	}
	s.fault.Hit("cas.compact.written")
	same := map[packID]bool{}
	for _, p := range out {
		same[p.id] = true
	}
	small = slices.DeleteFunc(small, func(p indexedPack) bool { return same[p.id] || damaged[p.id] })
	if err := s.index.add(out, true, small); err != nil {
		return err
	}
	s.fault.Hit("cas.compact.indexed")
	for _, p := range small {
		if err := s.be.Remove(packName(class, p.id)); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// blocksOf reads and checks all blocks of a small pack.
func (s *Store) blocksOf(p indexedPack) ([]*memBlock, error) {
	name := packName(p.class, p.id)
	table, err := readTable(s.be, name, p.size)
	if err != nil {
		return nil, err
	}
	all, err := s.be.Read(name, 0, -1)
	if err != nil {
		return nil, err
	}
	var out []*memBlock
	for _, k := range table {
		if uint64(k.off)+uint64(k.length) > uint64(len(all)) {
			return nil, fmt.Errorf("%w: %s ends early", ErrDamaged, name)
		}
		b := all[k.off : k.off+k.length : k.off+k.length]
		if _, _, err := s.seal.open(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, &memBlock{class: p.class, ids: k.ids, sealed: b})
	}
	return out, nil
}
