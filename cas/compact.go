package cas

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// smallPacks is how many small packs of a class may pile up before Compact
// merges them.
const smallPacks = 24

// Compact merges small packs when many have piled up, so that a watched
// directory does not leave a file per save. Blocks are copied as they are;
// the old packs go after the new ones are durable and indexed.
func (s *Store) Compact(ctx context.Context) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if err := s.failed(); err != nil {
		return err
	}
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	for _, class := range []Class{Data, Meta} {
		var small []indexedPack
		for _, p := range packs {
			if p.class == class && p.size < int64(class.target())/2 {
				small = append(small, p)
			}
		}
		if len(small) < smallPacks {
			continue
		}
		slices.SortFunc(small, func(a, b indexedPack) int { return int(a.number) - int(b.number) })
		if err := s.compactClass(ctx, class, small); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	return nil
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

// blocksOf reads and checks all blocks of a pack.
func (s *Store) blocksOf(p indexedPack) ([]*memBlock, error) {
	name := packName(p.class, p.id)
	table, err := readTable(s.be, name, p.size)
	if err != nil {
		return nil, err
	}
	var out []*memBlock
	for _, k := range table {
		b, err := s.be.Read(name, int64(k.off), int(k.length))
		if err != nil {
			return nil, err
		}
		if _, _, err := s.seal.open(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, &memBlock{class: p.class, ids: k.ids, sealed: b})
	}
	return out, nil
}
