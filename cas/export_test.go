package cas

// SetPackTarget makes packs of both classes full at n bytes, so that a test
// fills many of them quickly.
func (s *Store) SetPackTarget(n int) { s.target = func(Class) int { return n } }
