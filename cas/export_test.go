package cas

// SetPackTarget makes packs of both classes full at n bytes, so that a test
// fills many of them quickly.
func (s *Store) SetPackTarget(n int) { s.target = func(Class) int { return n } }

// Ahead is how many pieces streams hold that were read ahead of their
// consumers, and how many they may.
func (s *Store) Ahead() (held, limit int) { return int(s.ahead.Load()), int(s.slots) }

// SetIndexPart makes the index add n objects in one transaction, and fewer than
// twice as many wait for it.
func (s *Store) SetIndexPart(n int) { s.index.part, s.fileAt, s.manyObjects = n, 2*n, n }

// Waiting is how many objects are in memory until they are indexed.
func (s *Store) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}
