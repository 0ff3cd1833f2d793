package cas

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/bsvsync/bsv/object"
)

// holds reports whether an object need not be stored: it is pending, or indexed
// and its pack lies there as long as it was. Each pack is looked at once between
// two commits, so that this costs nothing beside the reading of the files.
func (s *Store) holds(ctx context.Context, id object.ID) (bool, error) {
	s.mu.Lock()
	_, ok := s.pending[id]
	s.mu.Unlock()
	if ok {
		return true, nil
	}
	for range 2 {
		_, pack, ok, err := s.index.find(id)
		if err == nil && !ok {
			return false, nil
		}
		if err == nil {
			ok, err = s.isThere(pack)
		}
		if ok || err != nil && !errors.Is(err, ErrDamaged) {
			return ok, err
		}
		if err := s.Forget(ctx, id); err != nil { // or it was moved to another pack meanwhile
			return false, err
		}
	}
	var out [1]bool
	err := s.index.has([]object.ID{id}, out[:])
	return out[0], err
}

// isThere reports whether a pack's file has the size that it had.
func (s *Store) isThere(p indexedPack) (bool, error) {
	s.mu.Lock()
	ok := s.there[p.number]
	s.mu.Unlock()
	if ok {
		return true, nil
	}
	size, err := s.be.Size(packName(p.class, p.id))
	if isGone(err) || err == nil && size != p.size {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.there[p.number] = true
	s.mu.Unlock()
	return true, nil
}

// packDirs are the directories that hold packs.
func packDirs() []string {
	var out []string
	for _, class := range []Class{Data, Meta} {
		for i := range 256 {
			out = append(out, fmt.Sprintf("packs/%s/%02x", class, i))
		}
	}
	return out
}

// changed are the directories of packs whose names have changed since the last
// time, with their stamps of now.
func (s *Store) changed() (map[string]int64, error) {
	out := map[string]int64{}
	for _, d := range packDirs() {
		t, err := s.be.Stamp(d)
		if err != nil {
			return nil, fmt.Errorf("look for packs: %w", err)
		}
		s.mu.Lock()
		if t != s.stamps[d] {
			out[d] = t
		}
		s.mu.Unlock()
	}
	return out, nil
}

// wrote has the next look for packs list the directory of a new one: it may have
// gone with all that was in it before anybody has looked. The caller holds mu.
func (s *Store) wrote(pack string) { delete(s.stamps, packDir(pack)) }

func packDir(pack string) string { return path.Dir(pack) }

// Notice looks whether packs have gone since the store was opened or since the
// last time, and forgets what lay in them. It lists only directories that have
// changed.
func (s *Store) Notice(ctx context.Context) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	changed, err := s.changed()
	if err != nil || len(changed) == 0 {
		return err
	}
	files := map[string]bool{}
	for d := range changed {
		for f, err := range s.be.List(d) {
			if err != nil {
				return err
			}
			files[f.Name] = true
		}
	}
	packs, err := s.index.packs()
	if err != nil {
		return err
	}
	gone := map[uint32]bool{}
	var drop []indexedPack
	for _, p := range packs {
		name := packName(p.class, p.id)
		if _, look := changed[packDir(name)]; look && !files[name] {
			s.log.Error("a pack is gone", "pack", baseName(name))
			gone[p.number], drop = true, append(drop, p)
		}
	}
	if len(drop) > 0 {
		lost := map[object.ID]*location{}
		err := s.index.each(func(id object.ID, at location) {
			if gone[at.pack] {
				lost[id] = nil
			}
		})
		if err == nil {
			err = s.forget(ctx, lost, drop, Place{Pack: drop[0].id})
		}
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, t := range changed {
		s.stamps[d] = t
	}
	return nil
}
