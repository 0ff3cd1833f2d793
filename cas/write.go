package cas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/bsvsync/bsv/object"
)

// WriteFile stores a file's content and returns where it is. It reads r to
// its end and reports the number of bytes read; the caller compares it with
// what the file claimed.
func (s *Store) WriteFile(ctx context.Context, r io.Reader, size int64) (object.Content, uint64, error) {
	return s.writeFile(ctx, s, r, size)
}

// taker takes a file's objects and has them from then on.
type taker interface {
	object.Sink
	object.Getter
}

func (s *Store) writeFile(ctx context.Context, to taker, r io.Reader, size int64) (object.Content, uint64, error) {
	if size <= minChunk {
		buf := make([]byte, 0, min(max(size, 0), minChunk)+1)
		b, err := readUpTo(r, buf, minChunk+1)
		if err != nil {
			return object.Content{}, 0, err
		}
		if len(b) <= minChunk {
			c, err := whole(ctx, to, b)
			return c, uint64(len(b)), err
		}
		r = io.MultiReader(bytes.NewReader(b), r) // grew while it was read
	}
	return s.writeChunks(ctx, to, r)
}

// readUpTo reads to the end or until b has limit bytes. Only the end is the end:
// a body that breaks off is an error.
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

func whole(ctx context.Context, to taker, b []byte) (object.Content, error) {
	if len(b) <= object.InlineMax {
		return object.Content{Inline: string(b)}, nil
	}
	id, err := to.Put(ctx, object.KindChunk, b)
	return object.Content{Kind: object.KindChunk, ID: id}, err
}

// writeChunks cuts what r holds and stores the chunks. What fits a segment is
// stored here, since many such files are written at once; for more there are
// workers that hash, compress and seal while this goroutine reads and cuts.
func (s *Store) writeChunks(ctx context.Context, to taker, r io.Reader) (object.Content, uint64, error) {
	w := &chunkWriter{s: s, to: to}
	total, err := w.run(ctx, r)
	if err != nil {
		return object.Content{}, total, err
	}
	switch n := len(w.pieces); {
	case n == 0:
		return object.Content{}, 0, nil
	case n == 1 && total <= object.InlineMax:
		b, err := to.Get(ctx, w.pieces[0].ID)
		return object.Content{Inline: string(b)}, total, err
	case n == 1:
		return object.Content{Kind: object.KindChunk, ID: w.pieces[0].ID}, total, nil
	}
	id, err := object.BuildList(ctx, s.hash, to, seqOf(w.pieces))
	if err != nil {
		return object.Content{}, total, fmt.Errorf("write file: %w", err)
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
