package cas

// SetPackTarget makes packs of both classes full at n bytes, so that a test
// fills many of them quickly.
func (s *Store) SetPackTarget(n int) { s.target = func(Class) int { return n } }

// Ahead is how many pieces streams hold that were read ahead of their
// consumers, and how many they may.
func (s *Store) Ahead() (held, limit int) { return int(s.ahead.Load()), int(s.slots) }
