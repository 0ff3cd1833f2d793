package merge_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// Heads, Bases and IsAncestor against their definitions on random graphs.
func TestGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		empty, _ := object.EmptyTree(w.hash)
		n := rapid.IntRange(1, 14).Draw(t, "snapshots")
		ids := make([]object.ID, n)
		seen := make([]map[object.ID]bool, n)
		at := map[object.ID]int{}
		for i := range n {
			var parents []object.ID
			if i > 0 {
				for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, min(3, i), rapid.ID).Draw(t, "parents") {
					parents = append(parents, ids[p])
				}
			}
			ids[i] = w.snapshot(1, 0, empty, nil, parents...)
			at[ids[i]] = i
			seen[i] = map[object.ID]bool{ids[i]: true}
			for _, p := range parents {
				for id := range seen[at[p]] {
					seen[i][id] = true
				}
			}
		}
		some := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 4)
		closure := func(set []object.ID) map[object.ID]bool {
			out := map[object.ID]bool{}
			for _, s := range set {
				for id := range seen[at[s]] {
					out[id] = true
				}
			}
			return out
		}
		maximal := func(set []object.ID) []object.ID {
			return slices.DeleteFunc(sorted(set), func(a object.ID) bool {
				return slices.ContainsFunc(set, func(b object.ID) bool { return a != b && seen[at[b]][a] })
			})
		}
		a, b := some.Draw(t, "a"), some.Draw(t, "b")
		heads, err := merge.Heads(w.ctx, w.env(), a)
		w.must(err)
		if want := maximal(a); !slices.Equal(heads, want) {
			t.Fatalf("heads %v, want %v", heads, want)
		}
		var common []object.ID
		in := closure(b)
		for id := range closure(a) {
			if in[id] {
				common = append(common, id)
			}
		}
		bases, err := merge.Bases(w.ctx, w.store, a, b)
		w.must(err)
		if want := maximal(common); !slices.Equal(bases, want) {
			t.Fatalf("bases %v, want %v", bases, want)
		}
		back, err := merge.Bases(w.ctx, w.store, b, a)
		w.must(err)
		if !slices.Equal(bases, back) {
			t.Fatalf("bases are not symmetric: %v and %v", bases, back)
		}
		x, y := rapid.IntRange(0, n-1).Draw(t, "x"), rapid.IntRange(0, n-1).Draw(t, "y")
		is, err := merge.IsAncestor(w.ctx, w.store, ids[x], ids[y])
		w.must(err)
		if is != seen[y][ids[x]] {
			t.Fatalf("ancestor %v, want %v", is, !is)
		}
		joined, err := merge.Join(w.ctx, w.env(), maximal(a), b)
		w.must(err)
		if want := maximal(append(slices.Clone(a), b...)); !slices.Equal(joined, want) {
			t.Fatalf("joined %v, want %v", joined, want)
		}
		mine := closure(a)
		var unseen []object.ID
		u := merge.NewUnseen(w.ctx, w.env(), b)
		for _, id := range a {
			more, err := u.Add(id)
			w.must(err)
			unseen = append(unseen, more...)
		}
		if n := len(unseen); n != len(slices.Compact(sorted(unseen))) {
			t.Fatalf("%d of %v told twice", n-len(slices.Compact(sorted(unseen))), unseen)
		}
		for _, id := range unseen {
			if !mine[id] {
				t.Fatalf("unseen %v is none of its own", id)
			}
		}
		for id := range mine {
			if !in[id] && !slices.Contains(unseen, id) {
				t.Fatalf("%v is unseen, and not told", id)
			}
		}
		known, err := merge.Seen(w.ctx, w.env(), b, ids)
		w.must(err)
		for i, id := range ids {
			if known[i] != in[id] {
				t.Fatalf("seen %v, want %v", known[i], in[id])
			}
		}
	})
}

func TestGraphWithAHole(t *testing.T) {
	w := newWorld(t)
	empty, _ := object.EmptyTree(w.hash)
	s := object.Snapshot{Root: empty, Parents: []object.ID{{7}}, Base: empty, MergeVersion: 1, Device: object.DeviceID{1}}
	b, err := object.EncodeSnapshot(s)
	w.must(err)
	id, err := w.store.Put(w.ctx, object.KindSnapshot, b)
	w.must(err)
	other := w.snapshot(2, 0, empty, nil)
	_, err1 := merge.Heads(w.ctx, w.env(), []object.ID{id, other})
	_, err2 := merge.Bases(w.ctx, w.store, []object.ID{id}, []object.ID{other})
	_, err3 := merge.IsAncestor(w.ctx, w.store, other, id)
	_, err4 := merge.State(w.ctx, w.env(), []object.ID{id, other})
	_, err5 := merge.Seen(w.ctx, w.env(), []object.ID{id}, []object.ID{other})
	if seen, err := merge.Seen(w.ctx, w.env(), []object.ID{other}, []object.ID{{7}, id}); err != nil || seen[0] || seen[1] {
		t.Errorf("seen of what is missing: %v, %v", seen, err)
	}
	u := merge.NewUnseen(w.ctx, w.env(), []object.ID{other, {9}})
	if left, err := u.Add(id); err != nil || !slices.Equal(left, []object.ID{id}) {
		t.Errorf("unseen with a hole: %v, %v", left, err)
	}
	if left, err := u.Add(object.ID{8}); err != nil || len(left) > 0 {
		t.Errorf("unseen of what is missing: %v, %v", left, err)
	}
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if !errors.Is(err, object.ErrMissing) {
			t.Errorf("call %d: %v, want %v", i+1, err, object.ErrMissing)
		}
	}
}
