package object

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func listOfPieces(t rapid.TB, h *Hasher, st Sink, want []Piece) ID {
	id, err := BuildList(context.Background(), h, st, func(yield func(Piece, error) bool) {
		for _, p := range want {
			if !yield(p, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A list gives back its chunks from any offset on, however it was split.
func TestPiecesComeBack(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := testHasher()
		st := NewOverlay(nil, h)
		var want []PieceAt
		var list []Piece
		total := uint64(0)
		n := rapid.IntRange(2, 600).Draw(t, "chunks")
		salt := rapid.Byte().Draw(t, "salt")
		for i := range n {
			p := Piece{h.Sum(KindChunk, []byte{salt, byte(i), byte(i >> 8)}), uint64(i%7 + 1)}
			list, want = append(list, p), append(want, PieceAt{total, p})
			total += p.Length
		}
		root := listOfPieces(t, h, st, list)
		offset := rapid.Uint64Range(0, total+1).Draw(t, "offset")
		for len(want) > 0 && want[0].Offset+want[0].Length <= offset {
			want = want[1:]
		}
		for p, err := range Pieces(ctx, st, root, offset) {
			if err != nil || len(want) == 0 || p != want[0] {
				t.Fatal(p, err)
			}
			want = want[1:]
		}
		if len(want) > 0 {
			t.Fatalf("%d chunks are missing", len(want))
		}
	})
}

func TestListsThatAreNone(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	for name, list := range map[string][]Piece{
		"no chunk": {}, "one chunk": {{ID{1}, 5}}, "an empty chunk": {{ID{1}, 5}, {ID{2}, 0}}, "a chunk beyond any chunker's": {{ID{1}, 5}, {ID{2}, MaxObject + 1}},
	} {
		_, err := BuildList(ctx, h, NewOverlay(nil, h), func(yield func(Piece, error) bool) {
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
		})
		if err == nil {
			t.Errorf("%s makes a list", name)
		}
	}
	chunk, list := appendLink(nil, KindChunk, ID{1}), appendLink(nil, KindList, ID{1})
	node := func(level uint64, link []byte, length uint64) []byte {
		b := appendArray(appendUint(appendArray(nil, 2), level), 1)
		return appendUint(append(appendArray(b, 2), link...), length)
	}
	if err := Validate(KindList, node(0, chunk, 5)); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"a list in a leaf": node(0, list, 5), "a chunk in a branch": node(1, chunk, 5), "content in a link": node(0, appendSame(nil, "hello"), 5),
		"an empty piece": node(0, chunk, 0), "a long piece": node(0, chunk, MaxObject+1), "too high": node(maxLevel+1, list, 5),
		"trailing bytes": append(node(0, chunk, 5), 0), "no item": appendArray(appendUint(appendArray(nil, 2), 0), 0),
	} {
		if err := Validate(KindList, b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
