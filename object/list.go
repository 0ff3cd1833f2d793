package object

import (
	"context"
	"iter"
)

// Piece is one chunk of a file.
type Piece struct {
	ID     ID
	Length uint64
}

// BuildList writes the list of a file of two or more chunks and returns its root id.
func BuildList(ctx context.Context, h *Hasher, sink Sink, pieces iter.Seq2[Piece, error]) (ID, error) {
	panic("object: being built")
}

// Pieces enumerates the chunks of a list from the one that holds byte offset on, with the offset at which each begins.
func Pieces(ctx context.Context, g Getter, root ID, offset uint64) iter.Seq2[PieceAt, error] {
	panic("object: being built")
}

// PieceAt is a chunk at its place in the file.
type PieceAt struct {
	Offset uint64
	Piece
}
