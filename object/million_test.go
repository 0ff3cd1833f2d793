package object

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// counter counts the bytes that an edit writes.
type counter struct {
	*Overlay
	bytes int
}

func (c *counter) Put(ctx context.Context, kind Kind, plain []byte) (ID, error) {
	n := c.Len()
	id, err := c.Overlay.Put(ctx, kind, plain)
	if c.Len() > n {
		c.bytes += len(plain)
	}
	return id, err
}

// One edit in a directory of a million names rewrites some 10 KiB.
func TestMillionEntries(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := &counter{Overlay: NewOverlay(nil, h)}
	const million = 1_000_000
	root, _, err := BuildTree(ctx, h, st, func(yield func(Entry, error) bool) {
		for i := range million {
			e := fileEntry(fmt.Sprintf("IMG_%07d.jpg", i), "")
			e.Content, e.Size = Content{Kind: KindChunk, ID: h.Sum(KindChunk, []byte(e.Name))}, 4_000_000
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 9))
	var costs []int
	for i := range 1000 {
		e := fileEntry(fmt.Sprintf("IMG_%07d.jpg", r.IntN(million)), fmt.Sprint("edit ", i))
		st.bytes = 0
		next, _, err := EditTree(ctx, h, st, st, root, []Edit{{e.Name, &e}})
		if err != nil {
			t.Fatal(err)
		}
		root = next
		costs = append(costs, st.bytes)
	}
	slices.Sort(costs)
	median, p99 := costs[len(costs)/2], costs[len(costs)*99/100]
	t.Logf("new tree bytes of one edit among %d entries: median %d, 99 %% %d, most %d", million, median, p99, costs[len(costs)-1])
	fmt.Printf("new tree bytes of one edit among %d entries: median %d, 99 %% %d\n", million, median, p99)
	if median > 24<<10 || p99 > 80<<10 {
		t.Errorf("above 24 KiB and 80 KiB")
	}
}
