package cas

import (
	"errors"
	"slices"
)

const (
	// manyObjects makes a pack full, however small they are, and fileAt is how
	// many of durable packs wait for the index: each takes memory until then.
	manyObjects = 64 << 10
	fileAt      = 128 << 10
)

// keep adds a sealed block to the pack of its class and writes a full one. The
// caller holds the gate shared; it is let go while a pack is written, so that
// a commit does not stop all other writers until that is done.
func (s *Store) keep(b *memBlock, sealed []byte) error {
	p := s.add(b, sealed)
	if p == nil {
		return nil
	}
	p.written = make(chan struct{})
	s.mu.Lock()
	s.writing = append(s.writing, p)
	s.mu.Unlock()
	s.gate.RUnlock()
	defer s.gate.RLock()
	if err := s.writePack(p); err != nil {
		return err
	}
	return s.fileMany()
}

// fileMany covers the packs that are durable with the index when they hold many
// objects: memory is needed for each until then. A commit that is under way does
// it anyway.
func (s *Store) fileMany() error {
	s.mu.Lock()
	many := s.unindexed >= s.fileAt
	s.mu.Unlock()
	if !many || !s.commitMu.TryLock() {
		return nil
	}
	defer s.commitMu.Unlock()
	return s.file()
}

// add adds a sealed block to the pack of its class. A pack that is full by it
// is returned: the caller writes it. The caller holds the gate.
func (s *Store) add(b *memBlock, sealed []byte) (full *openPack) {
	s.added.Add(uint64(len(sealed)))
	s.mu.Lock()
	defer s.mu.Unlock()
	b.sealed, b.plain = sealed, nil
	p := s.packs[b.class]
	if p == nil {
		p = &openPack{class: b.class}
		s.packs[b.class] = p
	}
	p.blocks = append(p.blocks, b)
	p.size += len(sealed)
	p.objects += len(b.ids)
	if p.size < s.target(b.class) && p.objects < s.manyObjects {
		return nil
	}
	s.packs[b.class] = nil
	return p
}

// writePack makes a pack durable. One that cannot be written stays pending.
func (s *Store) writePack(p *openPack) error {
	s.fault.Hit("cas.pack.begin")
	id, table, size, err := p.write(s.be, s.device, s.session)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.writing, p); i >= 0 {
		s.writing = slices.Delete(s.writing, i, i+1)
		defer close(p.written)
	}
	if err != nil {
		s.unfiled = append(s.unfiled, p)
		if errors.Is(err, ErrPoisoned) && s.err == nil { // before a commit that waits can try again
			s.err = err
		}
		return err
	}
	name := packName(p.class, id)
	for i, b := range p.blocks {
		b.file, b.off, b.length, b.sealed = name, table[i].off, table[i].length, nil
	}
	s.wrote(name)
	s.filed = append(s.filed, filedPack{p.class, id, size, table})
	for _, b := range table {
		s.unindexed += len(b.ids)
	}
	return nil
}
