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
		big := rapid.Bool().Draw(t, "long targets")          // nodes end for their size, too
		ends := !rapid.Bool().Draw(t, "no name ends a leaf") // then leaves end at MaxItems or for their size
		pool := 3000
		if !ends {
			pool = 15_000
		}
		model := map[string]Entry{}
		root := ID{}
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			edits := map[string]*Entry{}
			for range r.IntN(400*pool/3000) + 1 {
				name := fmt.Sprintf("%05d", r.IntN(pool))
				if !ends && h.ends(0, name, treeShape.mod) {
					continue
				}
				if r.IntN(3) == 0 {
					edits[name] = nil
					continue
				}
				e := fileEntry(name, fmt.Sprint(r.IntN(1000)))
				if big && r.IntN(4*pool/3000) == 0 {
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
