package cas

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/bsvsync/bsv/object"
)

// segmentSize is how much of a file is read at once, in bytes.
const segmentSize = 2 * maxChunk

// segment is a part of a file that is being cut. Its memory is used again when
// all its chunks are stored.
type segment struct {
	buf  []byte
	uses atomic.Int32
}

// segments hands out the segments of all files that are being written: there
// are never more, however many and large the files are.
type segments chan *segment

func newSegments() segments {
	n := min(runtime.GOMAXPROCS(0), 8) + 2
	c := make(segments, n)
	for range n {
		c <- &segment{}
	}
	return c
}

// take waits for a segment. Who waits holds none: those in use become free
// without it.
func (c segments) take() *segment {
	g := <-c
	if g.buf == nil {
		g.buf = make([]byte, segmentSize)
	}
	g.uses.Store(1)
	return g
}

func (c segments) drop(g *segment) {
	if g.uses.Add(-1) == 0 {
		c <- g
	}
}

// chunkWriter stores one file's chunks.
type chunkWriter struct {
	s    *Store
	to   taker
	jobs chan chunkJob // to the workers; nil while there are none
	wg   sync.WaitGroup
	stop context.CancelCauseFunc

	mu     sync.Mutex
	pieces []object.Piece
}

// chunkJob is a cut chunk on its way through a worker.
type chunkJob struct {
	i int
	g *segment
	b []byte
}

// run returns the number of bytes that it read.
func (w *chunkWriter) run(ctx context.Context, r io.Reader) (total uint64, err error) {
	ctx, w.stop = context.WithCancelCause(ctx)
	defer w.stop(nil)
	defer func() {
		if w.jobs != nil {
			close(w.jobs)
			w.wg.Wait()
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
	}()
	var tail []byte // of the segment before: the chunk that does not end in it
	for {
		g := w.s.segments.take()
		have := copy(g.buf, tail)
		b, err := readUpTo(r, g.buf[:have], segmentSize)
		total += uint64(len(b) - have)
		if err != nil {
			w.s.segments.drop(g)
			return total, err
		}
		last := len(b) < segmentSize
		if !last && w.jobs == nil {
			w.work(ctx)
		}
		rest := w.cut(ctx, g, b, have, last)
		tail = append(tail[:0], rest...)
		w.s.segments.drop(g)
		if last || ctx.Err() != nil {
			return total, nil
		}
	}
}

// cut hands the chunks of a segment on and returns the bytes after them.
// Nothing ends in the first seen bytes.
func (w *chunkWriter) cut(ctx context.Context, g *segment, b []byte, seen int, last bool) []byte {
	for len(b) > 0 && ctx.Err() == nil {
		n := w.s.chunks.Cut(b, seen)
		if n == 0 && !last {
			break
		}
		if n == 0 {
			n = len(b)
		}
		seen = 0
		j := chunkJob{len(w.reserve()) - 1, g, b[:n:n]}
		b = b[n:]
		g.uses.Add(1)
		if w.jobs == nil {
			w.put(ctx, j)
		} else {
			w.jobs <- j
		}
	}
	return b
}

// reserve makes room for the next chunk's piece.
func (w *chunkWriter) reserve() []object.Piece {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pieces = append(w.pieces, object.Piece{})
	return w.pieces
}

// work starts the workers.
func (w *chunkWriter) work(ctx context.Context) {
	w.jobs = make(chan chunkJob)
	for range runtime.GOMAXPROCS(0) {
		w.wg.Go(func() {
			for j := range w.jobs {
				w.put(ctx, j)
			}
		})
	}
}

func (w *chunkWriter) put(ctx context.Context, j chunkJob) {
	defer w.s.segments.drop(j.g)
	if ctx.Err() != nil {
		return
	}
	id, err := w.to.Put(ctx, object.KindChunk, j.b)
	if err != nil {
		w.stop(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pieces[j.i] = object.Piece{ID: id, Length: uint64(len(j.b))}
}
