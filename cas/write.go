package cas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync"

	"github.com/bsvsync/bsv/object"
)

// WriteFile stores a file's content and returns where it is. It reads r to
// its end and reports the number of bytes read; the caller compares it with
// what the file claimed.
func (s *Store) WriteFile(ctx context.Context, r io.Reader, size int64) (object.Content, uint64, error) {
	if size <= minChunk {
		buf := make([]byte, 0, min(max(size, 0), minChunk)+1)
		b, err := readUpTo(r, buf, minChunk+1)
		if err != nil {
			return object.Content{}, 0, err
		}
		if len(b) <= minChunk {
			c, err := s.whole(ctx, b)
			return c, uint64(len(b)), err
		}
		r = io.MultiReader(bytes.NewReader(b), r) // grew while it was read
	}
	return s.writeChunks(ctx, r)
}

func readUpTo(r io.Reader, b []byte, limit int) ([]byte, error) {
	for len(b) < limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

func (s *Store) whole(ctx context.Context, b []byte) (object.Content, error) {
	if len(b) <= object.InlineMax {
		return object.Content{Inline: string(b)}, nil
	}
	id, err := s.Put(ctx, object.KindChunk, b)
	return object.Content{Kind: object.KindChunk, ID: id}, err
}

// buffer is room for a chunk, used before or new. It waits while all are in
// use: whoever holds one hands it to a worker, who needs no other to go on.
func (s *Store) buffer() *[]byte {
	if b := <-s.bufs; b != nil {
		return b
	}
	b := make([]byte, 0, maxChunk/2)
	return &b
}

// chunkJob is a cut chunk on its way through a worker.
type chunkJob struct {
	i   int
	buf *[]byte
	b   []byte
}

// writeChunks cuts in this goroutine and hashes, compresses and seals in
// others.
func (s *Store) writeChunks(ctx context.Context, r io.Reader) (object.Content, uint64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := runtime.GOMAXPROCS(0)
	jobs := make(chan chunkJob)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var pieces []object.Piece
	var first object.Content
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				id, err := s.Put(ctx, object.KindChunk, j.b)
				if err != nil {
					cancel(err)
				}
				mu.Lock()
				for len(pieces) <= j.i {
					pieces = append(pieces, object.Piece{})
				}
				pieces[j.i] = object.Piece{ID: id, Length: uint64(len(j.b))}
				mu.Unlock()
				s.bufs <- j.buf
			}
		})
	}
	total, n := uint64(0), 0
	c := s.chunks.chunker(r)
	defer s.chunks.done(c)
	var err error
	for ctx.Err() == nil {
		buf := s.buffer()
		var b []byte
		if b, err = c.Next(*buf); err != nil {
			s.bufs <- buf
			break
		}
		*buf = b[:0]
		total += uint64(len(b))
		jobs <- chunkJob{n, buf, b}
		n++
	}
	close(jobs)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return first, total, cause
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return first, total, err
	}
	switch {
	case n == 0:
		return first, 0, nil
	case n == 1 && total <= object.InlineMax:
		b, err := s.Get(ctx, pieces[0].ID)
		return object.Content{Inline: string(b)}, total, err
	case n == 1:
		return object.Content{Kind: object.KindChunk, ID: pieces[0].ID}, total, nil
	}
	id, err := object.BuildList(ctx, s.hash, s, seqOf(pieces))
	if err != nil {
		return first, total, fmt.Errorf("write file: %w", err)
	}
	return object.Content{Kind: object.KindList, ID: id}, total, nil
}

func seqOf(pieces []object.Piece) iter.Seq2[object.Piece, error] {
	return func(yield func(object.Piece, error) bool) {
		for _, p := range pieces {
			if !yield(p, nil) {
				return
			}
		}
	}
}
