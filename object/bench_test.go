package object

import (
	"context"
	"fmt"
	"testing"
)

// leafOf is a leaf of n photos, each one chunk.
func leafOf(h *Hasher, n int) []item {
	var items []item
	for i := range n {
		name := fmt.Sprintf("IMG_%07d.jpg", i)
		e := Entry{Name: name, Kind: File, Content: Content{Kind: KindChunk, ID: h.Sum(KindChunk, []byte(name))}, Size: 1_800_000, Mode: 0o644, MTime: 1_700_000_000_000_000_000}
		items = append(items, treeShape.leaf(item{entry: e}))
	}
	return items
}

func BenchmarkEncodeLeaf(b *testing.B) {
	h := testHasher()
	items := leafOf(h, 32)
	b.ReportAllocs()
	for b.Loop() {
		for i := range items {
			items[i] = treeShape.leaf(items[i])
		}
		encodeNode(0, items)
	}
}

func BenchmarkDecodeLeaf(b *testing.B) {
	plain := encodeNode(0, leafOf(testHasher(), 32))
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeNode(treeShape, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLinks(b *testing.B) {
	plain := encodeNode(0, leafOf(testHasher(), 32))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Links(KindTree, plain); err != nil {
			b.Fatal(err)
		}
	}
}

// benchTree is a directory of n files in memory.
func benchTree(b *testing.B, n int) (*Hasher, *Overlay, ID) {
	b.Helper()
	h := testHasher()
	st := NewOverlay(nil, h)
	id, _, err := BuildTree(context.Background(), h, st, func(yield func(Entry, error) bool) {
		for i := range n {
			if !yield(fileEntry(fmt.Sprintf("%07d", i), "text"), nil) {
				return
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	return h, st, id
}

// One changed name of 100,000: the cost follows the change, not the tree.
func BenchmarkDiffOneOf100000(b *testing.B) {
	ctx := context.Background()
	h, st, old := benchTree(b, 100_000)
	e := fileEntry("0050000", "edited")
	edited, _, err := EditTree(ctx, h, st, st, old, []Edit{{e.Name, &e}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Diff(ctx, st, old, edited) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 1 {
			b.Fatal(n)
		}
	}
}

// BenchmarkDiffAll compares 100,000 names with none.
func BenchmarkDiffAll(b *testing.B) {
	ctx := context.Background()
	_, st, id := benchTree(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Diff(ctx, st, ID{}, id) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/entry")
}

func BenchmarkBuildTree(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		benchTree(b, 10_000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/entry")
}

func BenchmarkEditOneOf100000(b *testing.B) {
	ctx := context.Background()
	h, st, id := benchTree(b, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		e := fileEntry(fmt.Sprintf("%07d", i*7919%100_000), fmt.Sprint(i))
		var err error
		if id, _, err = EditTree(ctx, h, st, st, id, []Edit{{e.Name, &e}}); err != nil {
			b.Fatal(err)
		}
	}
}
