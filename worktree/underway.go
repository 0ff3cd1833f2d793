package worktree

import "github.com/bsvsync/bsv/internal/event"

// tellEvery is after how many bytes of a file under way its progress is told:
// smaller files are told of when they are done.
const tellEvery = 8 << 20

// underWay tells how far a large file is, before it is done: an event that
// counts no file, and whose bytes are those of this file alone so far.
type underWay struct {
	events    event.Sink
	operation string
	path      string // virtual
	told      int64
}

// newUnderWay begins with a file; nil for one that is not large. A nil underWay
// tells nothing.
func newUnderWay(events event.Sink, operation string, path string, size int64) *underWay {
	if events == nil || size < tellEvery {
		return nil
	}
	u := &underWay{events: events, operation: operation, path: path}
	u.tell(0)
	return u
}

// at says that so many bytes are done.
func (u *underWay) at(done int64) {
	if u != nil && done-u.told >= tellEvery {
		u.tell(done)
	}
}

func (u *underWay) tell(done int64) {
	u.told = done
	u.events.Emit(event.Event{Kind: event.Progress, Operation: u.operation, Path: u.path, Bytes: uint64(done)})
}
