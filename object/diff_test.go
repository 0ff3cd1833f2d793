package object

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

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
