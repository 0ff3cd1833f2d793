package object

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"
)

func testHasher() *Hasher { return NewHasher([32]byte{1}, [32]byte{2}) }

func seq(list []Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func fileEntry(name, text string) Entry {
	return Entry{Name: name, Kind: File, Content: Content{Inline: text}, Size: uint64(len(text)), Mode: 0o644, MTime: 5}
}

// Whatever the order of edits, the tree is the one that is built at once.
func TestSplitIsIndependentOfEditOrder(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := testHasher()
		st := NewOverlay(nil, h)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		big := rapid.Bool().Draw(t, "long targets") // nodes end for their size, too
		model := map[string]Entry{}
		root := ID{}
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			edits := map[string]*Entry{}
			for range r.IntN(400) + 1 {
				name := fmt.Sprintf("%05d", r.IntN(3000))
				if r.IntN(3) == 0 {
					edits[name] = nil
					continue
				}
				e := fileEntry(name, fmt.Sprint(r.IntN(1000)))
				if big && r.IntN(4) == 0 {
					e = Entry{Name: name, Kind: Symlink, Target: string(make([]byte, r.IntN(MaxPath-1)+1)), MTime: 1}
				}
				edits[name] = &e
			}
			var list []Edit
			for n, e := range edits {
				list = append(list, Edit{n, e})
				if e == nil {
					delete(model, n)
				} else {
					model[n] = *e
				}
			}
			sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
			var err error
			var sum Summary
			if root, sum, err = EditTree(ctx, h, st, st, root, list); err != nil {
				t.Fatal(err)
			}
			var all []Entry
			for _, e := range model {
				all = append(all, e)
			}
			slices.SortFunc(all, func(a, b Entry) int {
				if a.Name < b.Name {
					return -1
				}
				return 1
			})
			want, wsum, err := BuildTree(ctx, h, st, seq(all))
			if err != nil {
				t.Fatal(err)
			}
			if root != want || sum != wsum {
				t.Fatalf("edited %s %v, built %s %v", root.Short(), sum, want.Short(), wsum)
			}
			i := 0
			for e, err := range Entries(ctx, st, root, "") {
				if err != nil || e != all[i] {
					t.Fatalf("entry %d: %v", i, err)
				}
				i++
			}
			if i != len(all) {
				t.Fatalf("%d entries, want %d", i, len(all))
			}
		}
	})
}

// A diff names exactly the entries that differ.
func TestDiffNamesWhatDiffers(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := testHasher()
		st := NewOverlay(nil, h)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		make1 := func(n int) ([]Entry, ID) {
			m := map[string]Entry{}
			for range n {
				name := fmt.Sprintf("%04d", r.IntN(900))
				m[name] = fileEntry(name, fmt.Sprint(r.IntN(3)))
			}
			var all []Entry
			for _, e := range m {
				all = append(all, e)
			}
			slices.SortFunc(all, func(a, b Entry) int {
				if a.Name < b.Name {
					return -1
				}
				return 1
			})
			id, _, err := BuildTree(ctx, h, st, seq(all))
			if err != nil {
				t.Fatal(err)
			}
			return all, id
		}
		as, a := make1(r.IntN(700))
		bs, b := make1(r.IntN(700))
		got := map[string][2]Entry{}
		for c, err := range DiffTree(ctx, st, a, b) {
			if err != nil {
				t.Fatal(err)
			}
			var p [2]Entry
			if c.A != nil {
				p[0] = *c.A
			}
			if c.B != nil {
				p[1] = *c.B
			}
			got[c.Name] = p
		}
		want := map[string][2]Entry{}
		for _, e := range as {
			want[e.Name] = [2]Entry{e, {}}
		}
		for _, e := range bs {
			p := want[e.Name]
			p[1] = e
			if p[0] == e {
				delete(want, e.Name)
			} else {
				want[e.Name] = p
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d differ, want %d", len(got), len(want))
		}
		for n, p := range want {
			if got[n] != p {
				t.Fatalf("%q differs in the diff", n)
			}
		}
	})
}

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
