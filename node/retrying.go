package node

// retrying tells when all is to be tried at once that a turn of the loop failed
// with: as soon as a smaller turn succeeds, since the obstacle may be gone then,
// but one time only until the timer. What was dirty in a turn that failed nobody
// knows any more.
type retrying struct {
	failed, tried bool
}

// after notes how a turn ended, of all mappings or of what was dirty, and
// reports whether one of all has to follow.
func (a *retrying) after(ok, all bool) bool {
	switch {
	case !ok:
		a.failed = true
	case all:
		*a = retrying{}
	case a.failed && !a.tried:
		a.tried = true
		return true
	}
	return false
}
