package cas

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/bsvsync/bsv/object"
)

const (
	// aheadFrom is how many bytes of a list somebody takes before more are
	// read ahead: small files, and a look into a large one, cost nothing more.
	aheadFrom = 1 << 20
	// aheadPieces and aheadBytes bound what a Stream reads ahead.
	aheadPieces = 4
	aheadBytes  = 4 << 20
)

// Stream enumerates a file's bytes from an offset on, in pieces of at most a
// chunk, which stay valid and must not be changed. Of a long file some pieces
// are read and checked while the former are used; nothing of that goes on after
// the enumeration has ended.
func (s *Store) Stream(ctx context.Context, c object.Content, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		switch c.Kind {
		case 0:
			if from < uint64(len(c.Inline)) {
				yield([]byte(c.Inline)[from:], nil)
			}
		case object.KindChunk:
			_, b, err := s.getBy(ctx, c.ID, s.loadOnce)
			if err == nil {
				b = b[min(from, uint64(len(b))):]
			}
			if err != nil || len(b) > 0 {
				yield(b, err)
			}
		default:
			w := &readAhead{s: s, ctx: ctx, from: from, yield: yield}
			defer w.end()
			w.run(object.Pieces(ctx, s, c.ID, from))
		}
	}
}

// readAhead is the pieces of a list that are being read ahead, in order.
type readAhead struct {
	s     *Store
	ctx   context.Context
	from  uint64
	yield func([]byte, error) bool
	taken uint64 // bytes that were handed out
	queue []*piece
	bytes uint64 // of the queue
	last  *piece // that was begun
	stop  atomic.Bool
	wg    sync.WaitGroup
}

// piece is a piece of a list that was read, or is being read.
type piece struct {
	object.PieceAt
	*chunk
}

type chunk struct {
	done chan struct{}
	b    []byte
	err  error
}

func (w *readAhead) run(pieces iter.Seq2[object.PieceAt, error]) {
	for at, err := range pieces {
		if err != nil {
			if w.rest() {
				w.yield(nil, err)
			}
			return
		}
		for begun := w.begin(at); !begun; {
			if len(w.queue) == 0 {
				if !w.hand(w.read(at, func(f func()) { f() })) {
					return
				}
				break
			}
			p := w.pop()
			begun = w.begin(at) // while the consumer is busy with the other
			if !w.hand(p) {
				return
			}
		}
	}
	w.rest()
}

// begin reads a piece in a goroutine of its own, if that is due and there is
// room for it.
func (w *readAhead) begin(at object.PieceAt) bool {
	if w.taken < aheadFrom || len(w.queue) > 0 && (len(w.queue) == aheadPieces || w.bytes+at.Length > aheadBytes) || !w.s.slot() {
		return false
	}
	w.queue = append(w.queue, w.read(at, w.wg.Go))
	w.bytes += at.Length
	return true
}

// read reads a piece by way of start. Of a run of equal pieces, such as zeros,
// only the first is read.
func (w *readAhead) read(at object.PieceAt, start func(func())) *piece {
	if w.last != nil && w.last.ID == at.ID {
		w.last = &piece{at, w.last.chunk}
		return w.last
	}
	c := &chunk{done: make(chan struct{})}
	w.last = &piece{at, c}
	start(func() {
		defer close(c.done)
		if !w.stop.Load() {
			_, c.b, c.err = w.s.getBy(w.ctx, at.ID, w.s.loadOnce)
		}
	})
	return w.last
}

// pop waits for the oldest piece and takes it out.
func (w *readAhead) pop() *piece {
	p := w.queue[0]
	<-p.done
	w.queue = w.queue[1:]
	w.bytes -= p.Length
	w.s.ahead.Add(-1)
	return p
}

// rest hands out what is left.
func (w *readAhead) rest() bool {
	for len(w.queue) > 0 {
		if !w.hand(w.pop()) {
			return false
		}
	}
	return true
}

// hand gives a piece to the consumer, without what is before from, and reports
// whether he wants more.
func (w *readAhead) hand(p *piece) bool {
	b, err := p.b, p.err
	if err == nil {
		err = w.ctx.Err()
	}
	if err == nil && uint64(len(b)) != p.Length {
		err = fmt.Errorf("%w: chunk %s of another length than its list says", ErrDamaged, p.ID.Short())
	}
	if err != nil {
		w.yield(nil, err)
		return false
	}
	if p.Offset < w.from {
		b = b[w.from-p.Offset:]
	}
	w.taken += uint64(len(b))
	return w.yield(b, nil)
}

// end waits for what is still being read.
func (w *readAhead) end() {
	w.stop.Store(true)
	w.wg.Wait()
	w.s.ahead.Add(-int32(len(w.queue)))
}

// slot takes one of the store's slots for pieces that are read ahead, if one
// is free: many streams at once use all cores anyway.
func (s *Store) slot() bool {
	for {
		n := s.ahead.Load()
		if n >= s.slots {
			return false
		}
		if s.ahead.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
