package memnet

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// ErrReset is what both ends of a reset stream get.
var ErrReset = errors.New("stream reset")

// Window is how many bytes wait in one direction before Write blocks.
const Window = 4 << 20

// half is one direction of a stream.
type half struct {
	mu      sync.Mutex
	buf     []byte
	eof     bool          // the writer has ended
	deaf    bool          // the reader has ended
	err     error         // the stream was reset
	changed chan struct{} // closed at every change
}

func newHalf() *half { return &half{changed: make(chan struct{})} }

// wake tells both ends of a change. The caller holds mu.
func (h *half) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *half) end(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.wake()
}

func (h *half) read(p []byte, d *deadline) (int, error) {
	for {
		h.mu.Lock()
		switch {
		case h.err != nil:
			defer h.mu.Unlock()
			return 0, h.err
		case len(h.buf) > 0:
			defer h.mu.Unlock()
			n := copy(p, h.buf)
			if h.buf = h.buf[n:]; len(h.buf) == 0 {
				h.buf = nil
			}
			h.wake()
			return n, nil
		case h.eof:
			defer h.mu.Unlock()
			return 0, io.EOF
		}
		changed := h.changed
		h.mu.Unlock()
		select {
		case <-changed:
		case <-d.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (h *half) write(p []byte, d *deadline) (n int, err error) {
	for {
		h.mu.Lock()
		switch {
		case h.err != nil:
			defer h.mu.Unlock()
			return n, h.err
		case h.eof, h.deaf:
			defer h.mu.Unlock()
			return n, io.ErrClosedPipe
		}
		k := min(len(p), Window-len(h.buf))
		h.buf = append(h.buf, p[:k]...)
		p, n = p[k:], n+k
		if k > 0 {
			h.wake()
		}
		changed := h.changed
		h.mu.Unlock()
		if len(p) == 0 {
			return n, nil
		}
		select {
		case <-changed:
		case <-d.passed():
			return n, os.ErrDeadlineExceeded
		}
	}
}

// deadline is a point in time that can be moved.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

func newDeadline() *deadline { return &deadline{over: make(chan struct{})} }

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.over:
		d.over = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	over := d.over
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { d.expire(over) })
		return
	}
	close(over)
}

// expire ends the deadline that a timer was set for, unless it was moved.
func (d *deadline) expire(over chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == over && d.timer != nil {
		d.timer = nil
		close(over)
	}
}

// Stream is one end of a stream.
type Stream struct {
	in, out *half
	d       *deadline
	gone    func() // called once when the stream is over
}

// Pipe returns the two ends of a stream.
func Pipe() (*Stream, *Stream) {
	ab, ba := newHalf(), newHalf()
	return &Stream{in: ba, out: ab, d: newDeadline(), gone: func() {}}, &Stream{in: ab, out: ba, d: newDeadline(), gone: func() {}}
}

func (s *Stream) Read(p []byte) (int, error) { return s.in.read(p, s.d) }

func (s *Stream) Write(p []byte) (int, error) { return s.out.write(p, s.d) }

// CloseWrite ends this side's direction; the peer reads what was sent, then
// io.EOF.
func (s *Stream) CloseWrite() error {
	s.out.end(func() { s.out.eof = true })
	return nil
}

// Close ends both directions: what was sent is still delivered.
func (s *Stream) Close() error {
	s.in.end(func() { s.in.deaf = true })
	s.gone()
	return s.CloseWrite()
}

// Reset ends both directions at once; what was not read is lost.
func (s *Stream) Reset() error {
	for _, h := range []*half{s.in, s.out} {
		h.end(func() {
			h.buf = nil
			if h.err == nil {
				h.err = ErrReset
			}
		})
	}
	s.gone()
	return nil
}

// SetDeadline bounds reads and writes; the zero time ends the bound.
func (s *Stream) SetDeadline(t time.Time) error {
	s.d.set(t)
	for _, h := range []*half{s.in, s.out} {
		h.end(func() {}) // whoever waits looks at the new deadline
	}
	return nil
}
