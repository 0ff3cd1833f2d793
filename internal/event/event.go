package event

import (
	"sync"
	"time"
)

// The kinds of events.
const (
	Progress     = "progress"
	Problem      = "problem"
	Snapshot     = "snapshot"
	Applied      = "applied"
	State        = "state"
	Connected    = "connected"
	Disconnected = "disconnected"
	Conflict     = "conflict"
	Pairing      = "pairing"
	Notice       = "notice"
)

// Event is one thing that happened. Fields that do not apply are zero.
type Event struct {
	Seq        uint64    `json:"seq,omitempty"`
	Kind       string    `json:"kind"`
	Time       time.Time `json:"time"`
	Operation  string    `json:"operation,omitempty"` // "snapshot", "restore", "sync", …
	Path       string    `json:"path,omitempty"`
	Files      uint64    `json:"files,omitempty"` // done so far by the operation
	TotalFiles uint64    `json:"total_files,omitempty"`
	Bytes      uint64    `json:"bytes,omitempty"`
	TotalBytes uint64    `json:"total_bytes,omitempty"`
	Device     string    `json:"device,omitempty"`
	ID         string    `json:"id,omitempty"` // of a snapshot or state
	Message    string    `json:"message,omitempty"`
}

// Sink takes events.
type Sink func(Event)

// Emit sends an event with the time now; a nil sink drops it.
func (s Sink) Emit(e Event) {
	if s == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	s(e)
}

// Bus hands events to any number of subscribers and remembers the last ones,
// so that a reader that lost its connection continues where it was.
type Bus struct {
	mu   sync.Mutex
	seq  uint64
	last []Event
	subs map[chan Event]bool
}

const remembered = 256

// Publish sends an event to all subscribers.
func (b *Bus) Publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	b.seq++
	e.Seq = b.seq
	if e.Kind != Progress {
		b.last = append(b.last, e)
		if len(b.last) > remembered {
			b.last = append(b.last[:0:0], b.last[len(b.last)-remembered:]...)
		}
	}
	for c := range b.subs {
		select {
		case c <- e:
		default:
			select {
			case <-c:
			default:
			}
			select {
			case c <- e:
			default:
			}
		}
	}
}

// Seq is the number of the newest event.
func (b *Bus) Seq() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq
}

// Subscribe returns a channel of events after seq (0: only new ones) and what
// ends the subscription.
func (b *Bus) Subscribe(after uint64) (<-chan Event, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan Event, remembered+64)
	if after > 0 {
		for _, e := range b.last {
			if e.Seq > after {
				c <- e
			}
		}
	}
	if b.subs == nil {
		b.subs = map[chan Event]bool{}
	}
	b.subs[c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, c)
	}
}
