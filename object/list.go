package object

import (
	"context"
	"fmt"
	"iter"
)

// Piece is one chunk of a file.
type Piece struct {
	ID     ID
	Length uint64 // bytes; never 0
}

// PieceAt is a chunk at its place in the file.
type PieceAt struct {
	Offset uint64
	Piece
}

// BuildList writes the list of a file of two or more chunks and returns its
// root id.
func BuildList(ctx context.Context, h *Hasher, sink Sink, pieces iter.Seq2[Piece, error]) (ID, error) {
	b := newBuilder(ctx, listShape, h, sink, 0)
	n := 0
	for p, err := range pieces {
		if err != nil {
			return ID{}, err
		}
		if p.Length == 0 || p.Length > MaxObject {
			return ID{}, fmt.Errorf("build list: %w: a chunk of %d bytes", ErrLimit, p.Length)
		}
		n++
		if err := b.sp.add(ctx, listShape.leaf(item{id: p.ID, bytes: p.Length})); err != nil {
			return ID{}, fmt.Errorf("build list: %w", err)
		}
	}
	if n < 2 {
		return ID{}, fmt.Errorf("build list: %d chunks need no list", n)
	}
	root, err := b.finish(ctx)
	if err != nil {
		return ID{}, fmt.Errorf("build list: %w", err)
	}
	return root.id, nil
}

// Chunks enumerates the chunks of a whole list in order, but what a list holds
// many times only once: its cost is that of the list's nodes, whatever length
// they add up to. It checks the sums of every node, and that the whole list
// has this many bytes.
func Chunks(ctx context.Context, g Getter, root ID, size uint64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		n, err := loadRoot(ctx, g, listShape, root)
		if err == nil {
			var sum uint64
			if _, sum, err = n.totals(); err == nil && sum != size {
				err = malformed("a list of %d bytes where %d belong", sum, size)
			}
		}
		if err != nil {
			yield(Piece{}, err)
			return
		}
		n.chunks(ctx, g, map[listItem]bool{}, yield)
	}
}

// listItem is what an item of a list says.
type listItem struct {
	id    ID
	bytes uint64
	level uint8
}

func (n node) chunks(ctx context.Context, g Getter, seen map[listItem]bool, yield func(Piece, error) bool) bool {
	for _, it := range n.items {
		k := listItem{it.id, it.bytes, n.level}
		if seen[k] {
			continue
		}
		seen[k] = true
		if n.level == 0 {
			if !yield(Piece{it.id, it.bytes}, nil) {
				return false
			}
			continue
		}
		child, err := loadChild(ctx, g, listShape, n.level, it)
		if err != nil {
			yield(Piece{}, err)
			return false
		}
		if !child.chunks(ctx, g, seen, yield) {
			return false
		}
	}
	return true
}

// Pieces enumerates the chunks of a list from the one that holds byte offset
// on, with the offset at which each begins.
func Pieces(ctx context.Context, g Getter, root ID, offset uint64) iter.Seq2[PieceAt, error] {
	return func(yield func(PieceAt, error) bool) {
		n, err := loadRoot(ctx, g, listShape, root)
		if err != nil {
			yield(PieceAt{}, err)
			return
		}
		n.pieces(ctx, g, 0, offset, yield)
	}
}

// pieces yields the chunks below a node that begins at a byte of the file.
func (n node) pieces(ctx context.Context, g Getter, at, offset uint64, yield func(PieceAt, error) bool) bool {
	for _, it := range n.items {
		end := at + it.bytes // its sums fit 64 bits
		if end <= offset {
			at = end
			continue
		}
		if n.level == 0 {
			if !yield(PieceAt{at, Piece{it.id, it.bytes}}, nil) {
				return false
			}
		} else {
			child, err := loadChild(ctx, g, listShape, n.level, it)
			if err != nil {
				yield(PieceAt{}, err)
				return false
			}
			if !child.pieces(ctx, g, at, offset, yield) {
				return false
			}
		}
		at = end
	}
	return true
}
