package api

// network registers the operations that need other devices.
func (s *server) network() {
	n := s.n
	do(s, "fetch", n.Fetch)
	do(s, "sync", n.Sync)
	do(s, "invite", n.Invite)
	do(s, "peers/approve", n.Approve)
	if s.opts.Local {
		do(s, "join", n.Join)
		do(s, "join/confirm", n.JoinConfirm)
		do(s, "repos/add", n.RepoAdd)
	}
}
