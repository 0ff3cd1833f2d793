package api

// network registers the operations that need other devices.
func (s *server) network() {}
