package cas

import (
	"slices"

	"github.com/bsvsync/bsv/object"
)

// Rollbacks is how often Rollback forgot what was put. Who relies on objects
// that somebody put without a lock of his own compares it before the first of
// them and after the Commit.
func (s *Store) Rollbacks() uint64 { return s.forgot.Load() }

// Rollback forgets everything that was put and not committed, by whomever, and
// removes the packs that were written for it: an operation that ran out of
// space gives back what it took. See Rollbacks.
func (s *Store) Rollback() error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.gate.Lock()
	defer s.gate.Unlock()
	s.mu.Lock()
	writing := slices.Clone(s.writing)
	s.mu.Unlock()
	for _, p := range writing {
		<-p.written
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgot.Add(1)
	packs := s.early
	for _, p := range s.filed {
		packs = append(packs, p.id)
	}
	written := s.filed
	s.filed, s.unfiled, s.open, s.packs, s.early = nil, nil, [3]*memBlock{}, [3]*openPack{}, nil
	s.pending, s.unindexed = map[object.ID]place{}, 0
	return s.unfile(packs, written)
}
