package object

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// counted counts what is read, and misses some of it.
type counted struct {
	Getter
	ids    map[ID]int
	absent map[ID]bool
}

func (c *counted) Get(ctx context.Context, id ID) ([]byte, error) {
	if c.ids[id]++; c.absent[id] {
		return nil, ErrMissing
	}
	return c.Getter.Get(ctx, id)
}

// What DiffList names of a list is all that the other does not hold, each
// once, and without what lies in nodes of its own it is nothing else.
func TestDiffList(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := testHasher()
		st := NewOverlay(nil, h)
		piece := func(n int) Piece {
			return Piece{h.Sum(KindChunk, []byte{byte(n), byte(n >> 8)}), uint64(n%7 + 1)}
		}
		var old []Piece
		for range rapid.IntRange(2, 1500).Draw(t, "chunks") {
			old = append(old, piece(len(old)%rapid.SampledFrom([]int{7, 1 << 15}).Draw(t, "period")))
		}
		at := rapid.IntRange(0, len(old)).Draw(t, "at")
		gone := rapid.IntRange(0, min(40, len(old)-at)).Draw(t, "gone")
		now := append([]Piece(nil), old[:at]...)
		for i := range rapid.IntRange(0, 40).Draw(t, "added") {
			now = append(now, piece(20000+i))
		}
		now = append(now, old[at+gone:]...)
		if len(now) < 2 {
			return
		}
		size := uint64(0)
		for _, p := range now {
			size += p.Length
		}
		a, b := listOfPieces(t, h, st, old), listOfPieces(t, h, st, now)
		held := map[ID]bool{}
		for _, p := range old {
			held[p.ID] = true
		}
		ga := &counted{st, map[ID]int{}, map[ID]bool{}}
		gb := &counted{st, map[ID]int{}, map[ID]bool{}}
		missing := rapid.Bool().Draw(t, "a node of a is missing")
		if missing {
			ga.absent[a] = true
		}
		named := map[ID]bool{}
		for p, err := range DiffList(ctx, ga, gb, a, b, size) {
			if err != nil || named[p.ID] {
				t.Fatal(p, err, named[p.ID])
			}
			named[p.ID] = true
		}
		for _, p := range now {
			if !held[p.ID] && !named[p.ID] {
				t.Fatalf("a chunk that is new is not named")
			}
			if missing && !named[p.ID] && a != b {
				t.Fatal("nothing of a is there, and a chunk of b is not named")
			}
		}
		for id, n := range gb.ids {
			if n > 1 && id != b {
				t.Fatalf("%s is read %d times", id.Short(), n)
			}
		}
	})
}

// An edit in a long list costs a few nodes and names what was added.
func TestDiffListCost(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	var old []Piece
	for i := range 200_000 {
		old = append(old, Piece{h.Sum(KindChunk, []byte{byte(i), byte(i >> 8), byte(i >> 16)}), 1000})
	}
	added := Piece{h.Sum(KindChunk, []byte("added")), 5}
	now := append(append(append([]Piece(nil), old[:100_000]...), added), old[100_000:]...)
	a, b := listOfPieces(t, h, st, old), listOfPieces(t, h, st, now)
	size := uint64(len(old)*1000 + 5)
	ga, gb := &counted{Getter: st, ids: map[ID]int{}}, &counted{Getter: st, ids: map[ID]int{}}
	var got []Piece
	for p, err := range DiffList(ctx, ga, gb, a, b, size) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if len(got) != 1 || got[0] != added || len(ga.ids) > 12 || len(gb.ids) > 12 {
		t.Fatalf("%d chunks, %d and %d nodes", len(got), len(ga.ids), len(gb.ids))
	}
	for _, err := range DiffList(ctx, st, st, a, b, size+1) {
		if !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	}
	gb.absent = map[ID]bool{b: true}
	for _, err := range DiffList(ctx, st, gb, a, b, size) {
		if !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
}
