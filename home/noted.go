package home

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// noted is what was noted and is in no transaction yet: by bucket and key, nil
// where something is to go. Each sync of the disk costs as much as the rest of a
// saved file's way, so what may be lost waits for one that is needed anyway. It
// is never written out of order: a crash loses the end of what was noted, no
// more.
type noted struct {
	of   map[string]map[string][]byte
	size int // bytes, about
}

// maxNoted is how many bytes wait at most: one transaction holds them in memory
// several times over, and its pages in the file beside those that they replace.
const maxNoted = 1 << 20

func (n *noted) get(bucket, key []byte) ([]byte, bool) {
	v, ok := n.of[string(bucket)][string(key)]
	return v, ok
}

func (n *noted) put(bucket, key, v []byte) {
	if n.of == nil {
		n.of = map[string]map[string][]byte{}
	}
	b := n.of[string(bucket)]
	if b == nil {
		b = map[string][]byte{}
		n.of[string(bucket)] = b
	}
	b[string(key)] = bytes.Clone(v)
	n.size += len(key) + len(v)
}

// write puts all that is noted where it belongs.
func (n *noted) write(tx *bolt.Tx) error {
	for bucket, of := range n.of {
		b := tx.Bucket([]byte(bucket))
		for _, k := range slices.Sorted(maps.Keys(of)) {
			if err := put(b, []byte(k), of[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(b *bolt.Bucket, key, v []byte) error {
	if len(v) == 0 {
		return b.Delete(key)
	}
	return b.Put(key, v)
}

func (s *State) note(bucket, key, v []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noted.size+len(key)+len(v) > maxNoted { // before more is held
		if err := s.write(nil); err != nil {
			return err
		}
	}
	s.noted.put(bucket, key, v)
	return nil
}

// update writes what f does durably, and before that what is noted.
func (s *State) update(f func(*bolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(f)
}

func (s *State) write(f func(*bolt.Tx) error) error {
	if s.readOnly { // what was noted may be lost, what is set must not
		s.noted = noted{}
		if f != nil {
			return fmt.Errorf("write state: %w", ErrReadOnly)
		}
		return nil
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		if err := s.noted.write(tx); err != nil || f == nil {
			return err
		}
		return f(tx)
	})
	if err == nil {
		s.noted = noted{}
	}
	return err
}

// Keep makes durable what is noted.
func (s *State) Keep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.noted.of) == 0 {
		return nil
	}
	return s.write(nil)
}
