package node

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bsvsync/bsv/object"
)

func nthID(n int) (id object.ID) {
	binary.BigEndian.PutUint32(id[:], uint32(n)+1)
	return id
}

// drawn is a history at random: each snapshot has parents among those before it.
// Clocks go wrong.
func drawn(r *rand.Rand) map[object.ID]object.Snapshot {
	all := map[object.ID]object.Snapshot{}
	n := 1 + r.IntN(40)
	roots := 1 + r.IntN(3)
	for i := range n {
		s := object.Snapshot{Time: int64(10*i + r.IntN(60))}
		if i >= roots {
			for range 1 + r.IntN(1+r.IntN(3)) {
				if p := nthID(i - 1 - r.IntN(min(i, 1+r.IntN(6)))); !slices.Contains(s.Parents, p) {
					s.Parents = append(s.Parents, p)
				}
			}
		}
		all[nthID(i)] = s
	}
	return all
}

// TestTimeline holds the order of a timeline to its definition: of all that
// stands below no other that is left, the newest comes next.
func TestTimeline(t *testing.T) {
	for seed := range uint64(5_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := drawn(r)
		gone := map[object.ID]bool{}
		var heads []object.ID
		for id := range all {
			if r.IntN(6) == 0 {
				heads = append(heads, id)
			}
		}
		slices.SortFunc(heads, compareID)
		if r.IntN(3) == 0 {
			gone[nthID(r.IntN(len(all)))] = true
		}
		var reach []object.ID
		for todo := slices.Clone(heads); len(todo) > 0; {
			id := todo[0]
			todo = todo[1:]
			if !gone[id] && !slices.Contains(reach, id) {
				reach = append(reach, id)
				todo = append(todo, all[id].Parents...)
			}
		}
		var want []object.ID
		for left := slices.Clone(reach); len(left) > 0; {
			best := -1
			for i, id := range left {
				if slices.ContainsFunc(left, func(c object.ID) bool { return slices.Contains(all[c].Parents, id) }) {
					continue
				}
				if best < 0 || all[id].Time > all[left[best]].Time || all[id].Time == all[left[best]].Time && compareID(id, left[best]) > 0 {
					best = i
				}
			}
			want = append(want, left[best])
			left = slices.Delete(left, best, best+1)
		}
		var got []object.ID
		read := map[object.ID]int{}
		for h, err := range timeline(func(id object.ID) (object.Snapshot, bool, error) {
			read[id]++
			return all[id], !gone[id], nil
		}, heads) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h.id)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: heads %v\n got %v\nwant %v", seed, heads, got, want)
		}
		for id, k := range read {
			if k > 1 {
				t.Fatalf("seed %d: %v was read %d times", seed, id, k)
			}
		}
	}
}

// TestTimelineReadsLittle: what is asked of a long history costs what is shown.
func TestTimelineReadsLittle(t *testing.T) {
	const long = 10_000
	read := 0
	get := func(id object.ID) (object.Snapshot, bool, error) {
		read++
		i := int(binary.BigEndian.Uint32(id[:])) - 1
		s := object.Snapshot{Time: int64(i)}
		switch {
		case i%10 == 9: // two devices have gone on
			s.Parents = []object.ID{nthID(i - 1), nthID(i - 4)}
		case i%10 == 6:
			s.Parents = []object.ID{nthID(i - 2)}
		case i > 0:
			s.Parents = []object.ID{nthID(i - 1)}
		}
		return s, true, nil
	}
	shown := 0
	for _, err := range timeline(get, []object.ID{nthID(long - 1)}) {
		if err != nil {
			t.Fatal(err)
		}
		if shown++; shown == 100 {
			break
		}
	}
	if shown != 100 || read < 100 || read > 115 {
		t.Errorf("%d snapshots shown, %d read", shown, read)
	}
}

// TestSpan holds it to what the two sets of ancestors say, and counts.
func TestSpan(t *testing.T) {
	for seed := range uint64(5_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		all := drawn(r)
		pick := func() (out []object.ID) {
			for range 1 + r.IntN(2) {
				out = append(out, nthID(r.IntN(len(all))))
			}
			return out
		}
		from, to := pick(), pick()
		get := func(id object.ID) (object.Snapshot, bool, error) { return all[id], true, nil }
		in := func(heads []object.ID) map[object.ID]bool {
			m := map[object.ID]bool{}
			for h := range timeline(get, heads) {
				m[h.id] = true
			}
			return m
		}
		a, b := in(from), in(to)
		var want, got []object.ID
		for h := range timeline(get, slices.Concat(from, to)) {
			if b[h.id] && !a[h.id] {
				want = append(want, h.id)
			}
		}
		for h, err := range span(timeline(get, slices.Concat(from, to)), from, to) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h.id)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: from %v to %v\n got %v\nwant %v", seed, from, to, got, want)
		}
	}
}
