package merge_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

func TestStateOfFewHeads(t *testing.T) {
	w := newWorld(t)
	empty, _ := object.EmptyTree(w.hash)
	if r := w.state(); r.Root != empty || len(r.New) != 1 {
		t.Errorf("no heads: %v", r)
	}
	root := w.tree(flat{"/a": file("a", 1)})
	a := w.snapshot(1, 1, root, nil)
	if r := w.state(a); r.Root != root {
		t.Errorf("one head: %v", w.flat(r.Root))
	}
	b := w.snapshot(2, 2, w.tree(flat{"/b": file("b", 1)}), nil) // knows nothing of a: a union
	if r := w.state(a, b); w.flat(r.Root).String() != "/a=a@1 /b=b@1" {
		t.Errorf("two heads without a base: %v", w.flat(r.Root))
	}
	c := w.snapshot(1, 3, w.tree(flat{"/c": file("c", 1)}), nil, a)
	if r := w.state(a, c, b, a); w.flat(r.Root).String() != "/b=b@1 /c=c@1" {
		t.Errorf("with a head that another has seen: %v", w.flat(r.Root))
	}
}

// The records of a state name who brought a side, travel with snapshots, and
// end with their copies.
func TestRecords(t *testing.T) {
	w := newWorld(t)
	zero := w.snapshot(1, 10, w.tree(flat{"/d/a.txt": file("0", 1)}), nil)
	a := w.snapshot(1, 20, w.tree(flat{"/d/a.txt": file("1", 5)}), nil, zero)
	b := w.snapshot(2, 30, w.tree(flat{"/d/a.txt": file("2", 4)}), nil, zero)
	r := w.state(a, b)
	if len(r.Conflicts) != 1 {
		t.Fatalf("conflicts: %v", r.Conflicts)
	}
	c := r.Conflicts[0]
	copied := w.copyName("/d/a.txt", "2")
	if c.Path != "/d/a.txt" || c.Type != "content" || c.Base == nil || c.Base.Content.Inline != "0" || c.Winner != 0 || len(c.Sides) != 2 || !reflect.DeepEqual(c.Copies, []string{copied}) {
		t.Errorf("record: %+v", c)
	}
	for i, want := range []struct {
		content string
		snap    object.ID
		dev     byte
		time    int64
	}{{"1", a, 1, 20}, {"2", b, 2, 30}} {
		if s := c.Sides[i]; s.Entry.Content.Inline != want.content || s.Snapshot != want.snap || s.Device != (object.DeviceID{want.dev}) || s.Time != want.time {
			t.Errorf("side %d: %+v", i, s)
		}
	}

	// A person goes on working: the record is in the snapshot, and stays.
	f := w.flat(r.Root)
	f["/new"] = file("n", 1)
	next := w.snapshot(1, 40, w.tree(f), r.Conflicts, a, b)
	if got := w.state(next); !reflect.DeepEqual(got.Conflicts, r.Conflicts) {
		t.Errorf("after a snapshot: %v", got.Conflicts)
	}
	// Someone else adds a file meanwhile: still one record.
	other := w.snapshot(2, 41, w.tree(flat{"/d/a.txt": file("2", 4), "/z": file("z", 1)}), nil, b)
	if got := w.state(next, other); !reflect.DeepEqual(got.Conflicts, r.Conflicts) || w.flat(got.Root).String() != w.flat(w.tree(merged(f, flat{"/z": file("z", 1)}))).String() {
		t.Errorf("beside another head: %v in %v", got.Conflicts, w.flat(got.Root))
	}
	// The copy is deleted: so is the record, on every device.
	delete(f, copied)
	done := w.snapshot(1, 50, w.tree(f), nil, next)
	if got := w.state(done, other); len(got.Conflicts) != 0 || w.flat(got.Root)[copied].Kind != 0 {
		t.Errorf("after the resolution: %v in %v", got.Conflicts, w.flat(got.Root))
	}
}

func merged(a, b flat) flat {
	out := flat{}
	for _, f := range []flat{a, b} {
		for p, e := range f {
			out[p] = e
		}
	}
	return out
}

// Three sides of one path: the best keeps the name, two copies, and the
// records know all of their sides, whatever the order of the fold.
func TestRecordsOfThreeSides(t *testing.T) {
	for variant := range 24 { // other messages, so other ids
		w := newWorld(t)
		w.count = variant * 100
		zero := w.snapshot(1, 1, w.tree(flat{"/a": file("0", 1)}), nil)
		heads := []object.ID{
			w.snapshot(1, 20, w.tree(flat{"/a": file("1", 5)}), nil, zero),
			w.snapshot(2, 30, w.tree(flat{"/a": file("2", 9)}), nil, zero),
			w.snapshot(3, 40, w.tree(flat{"/a/x": file("3", 7)}), nil, zero),
		}
		r := w.state(heads...)
		if got := w.flat(r.Root); !sameWords(got.String(), w.expand("/a/ /a/x=3@7 COPY(/a,1)=1@5 COPY(/a,2)=2@9")) {
			t.Errorf("got %v", got)
		}
		brought := map[string]object.ID{"file 1": heads[0], "file 2": heads[1], "": heads[2]}
		copies := map[string]bool{}
		for _, c := range r.Conflicts {
			for _, s := range c.Sides {
				if s.Snapshot != brought[identity(s.Entry)] || s.Device.IsZero() || s.Time == 0 {
					t.Errorf("%s: wrong about who brought %+v", c.Path, s)
				}
			}
			for _, q := range c.Copies {
				copies[q] = true
			}
		}
		if len(copies) != 2 {
			t.Errorf("records of %d copies, want 2", len(copies))
		}
	}
}

// Somebody has edited what is at the name of a copy that the fold makes: the
// version below the copy's name came from the head that has it at the path.
func TestRecordOfADisputedCopy(t *testing.T) {
	disputed := 0
	for variant := range 24 {
		w := newWorld(t)
		w.count = variant * 100
		at := w.copyName("/a", "lost")
		zero := w.snapshot(1, 1, w.tree(flat{"/a": file("0", 1)}), nil)
		heads := []object.ID{
			w.snapshot(1, 20, w.tree(flat{"/a": file("won", 9)}), nil, zero),
			w.snapshot(2, 30, w.tree(flat{"/a": file("lost", 5)}), nil, zero),
			w.snapshot(3, 40, w.tree(flat{"/a": file("0", 1), at: file("edited", 7)}), nil, zero),
		}
		r := w.state(heads...)
		brought := map[string]object.ID{"file won": heads[0], "file lost": heads[1], "file edited": heads[2]}
		for id := range brought {
			if !w.flat(r.Root).contents()[id] {
				t.Errorf("lost %s: %v", id, w.flat(r.Root))
			}
		}
		for _, c := range r.Conflicts {
			if c.Path == at {
				disputed++
			}
			for _, s := range c.Sides {
				if s.Snapshot != brought[identity(s.Entry)] {
					t.Errorf("%s: wrong about who brought %+v", c.Path, s)
				}
			}
		}
	}
	if disputed == 0 {
		t.Error("no order of the fold disputed the copy")
	}
}

// Two devices met the same conflict beside other heads and wrote it down
// differently: it is one record.
func TestRecordsUnite(t *testing.T) {
	w := newWorld(t)
	zero := w.snapshot(1, 1, w.tree(flat{"/a": file("0", 1)}), nil)
	a := w.snapshot(1, 20, w.tree(flat{"/a": file("1", 5)}), nil, zero)
	a2 := w.snapshot(1, 25, w.tree(flat{"/a": file("1", 5), "/n": file("n", 1)}), nil, a)
	b := w.snapshot(2, 30, w.tree(flat{"/a": file("2", 4)}), nil, zero)
	one, two := w.state(a, b), w.state(a2, b)
	if reflect.DeepEqual(one.Conflicts, two.Conflicts) {
		t.Fatal("the two records are equal: nothing is tested")
	}
	f, g := w.flat(one.Root), w.flat(two.Root)
	x := w.snapshot(3, 40, w.tree(merged(f, flat{"/x": file("x", 1)})), one.Conflicts, a, b)
	y := w.snapshot(4, 41, w.tree(merged(g, flat{"/y": file("y", 1)})), two.Conflicts, a2, b)
	if r := w.state(x, y); len(r.Conflicts) != 1 {
		t.Errorf("%d records of one conflict: %+v", len(r.Conflicts), r.Conflicts)
	}
}

// Bases that snapshots record are taken only when both sides say the same;
// else the base is computed.
func TestRecordedBases(t *testing.T) {
	w := newWorld(t)
	zero := w.snapshot(1, 1, w.tree(flat{"/a": file("0", 1), "/b": file("b", 1)}), nil)
	write := func(dev byte, root, base object.ID) object.ID {
		b, err := object.EncodeSnapshot(object.Snapshot{Root: root, Parents: []object.ID{zero}, Base: base, MergeVersion: 1, Device: object.DeviceID{dev}})
		w.must(err)
		id, err := w.store.Put(w.ctx, object.KindSnapshot, b)
		w.must(err)
		return id
	}
	wrong := w.tree(flat{"/a": file("0", 1)})
	for _, bases := range [][2]object.ID{{wrong, w.state(zero).Root}, {w.state(zero).Root, wrong}} {
		x := write(2, w.tree(flat{"/a": file("0", 1), "/b": file("b", 1), "/x": file("x", 1)}), bases[0])
		y := write(3, w.tree(flat{"/a": file("0", 1)}), bases[1]) // deletes /b
		if got := w.flat(w.state(x, y).Root).String(); got != "/a=0@1 /x=x@1" {
			t.Errorf("got %s", got)
		}
	}
}

// An apply wrote the given version over /a, was killed before it wrote the
// copy or wrote anything down, and the person went on: the copy must come. Only
// an edit of what was materialised takes it away.
func TestScannedAfterAKilledApply(t *testing.T) {
	w := newWorld(t)
	at := w.copyName("/a", "lost")
	materialised := w.tree(flat{"/a": file("lost", 1)})
	given := w.tree(flat{"/a": file("won", 9), at: file("lost", 1)})
	for _, c := range []struct {
		name    string
		scanned flat
		kept    bool
	}{
		{"as it was left", flat{"/a": file("won", 9)}, true},
		{"renamed", flat{"/b": file("won", 9)}, true},
		{"moved into a directory", flat{"/d/a": file("won", 9)}, true},
		{"nothing was applied, and edited", flat{"/a": file("edited", 5)}, false},
		{"nothing was applied, and deleted", nil, false},
	} {
		r, err := merge.Scanned(w.ctx, w.env(), materialised, w.tree(c.scanned), given)
		w.must(err)
		w.keep(r.New)
		got := w.flat(r.Root)
		if _, ok := got[at]; ok != c.kept {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// The same where the given version is a directory: the apply made it, and was
// killed before it filled it and wrote the copy.
func TestScannedAfterAKilledApplyOfADirectory(t *testing.T) {
	w := newWorld(t)
	at := w.copyName("/a", "lost")
	materialised := w.tree(flat{"/a": file("lost", 1)})
	given := w.tree(flat{"/a/x": file("won", 9), "/a/y": file("too", 9), at: file("lost", 1)})
	for _, scanned := range []flat{{"/a/x": file("won", 9)}, {"/a/x": file("won", 9), "/a/y": file("too", 9)}, {"/a/z": file("a person's", 9)}} {
		r, err := merge.Scanned(w.ctx, w.env(), materialised, w.tree(scanned), given)
		w.must(err)
		w.keep(r.New)
		if got := w.flat(r.Root); got[at] != file("lost", 1) {
			t.Errorf("%v: %v", scanned, got)
		}
	}
}

// What a caller does with a result changes neither the memo nor a snapshot.
func TestResultIsTheCallers(t *testing.T) {
	w := newWorld(t)
	a := w.snapshot(1, 1, w.tree(flat{"/a": file("1", 5)}), nil)
	b := w.snapshot(2, 2, w.tree(flat{"/a": file("2", 4)}), nil)
	first := w.state(a, b)
	want := fmt.Sprintf("%+v", first.Conflicts) // no base, so no pointer
	c := w.snapshot(1, 3, first.Root, first.Conflicts, a, b)
	for _, heads := range [][]object.ID{{a, b}, {c}} {
		r := w.state(heads...)
		r.Conflicts[0].Path, r.Conflicts[0].Copies[0], r.Conflicts[0].Sides[0].Time = "/x", "/y", -1
		if again := fmt.Sprintf("%+v", w.state(heads...).Conflicts); again != want {
			t.Errorf("changed from outside: %s", again)
		}
	}
}

// Every way to compute gives the same: with a memo that is shared by many
// goroutines, with an empty one, with none; and New is enough to read it.
func TestMemoIsNotSeen(t *testing.T) {
	w := newWorld(t)
	zero := w.snapshot(1, 1, w.tree(flat{"/a": file("0", 1), "/d/b": file("0", 1)}), nil)
	a := w.snapshot(1, 2, w.tree(flat{"/a": file("1", 2), "/d/b": file("1", 2)}), nil, zero)
	b := w.snapshot(2, 3, w.tree(flat{"/a": file("2", 2), "/d/b": file("2", 3)}), nil, zero)
	// Two that merge the same heads without knowing of each other: their base
	// is a state that no snapshot holds.
	st, err := merge.State(w.ctx, merge.Env{Get: w.store, Hash: w.hash}, []object.ID{a, b})
	w.must(err)
	over := object.NewOverlay(w.store, w.hash)
	for _, o := range st.New {
		_, err := over.Put(w.ctx, o.Kind, o.Plain)
		w.must(err)
	}
	w2 := *w
	w2.store = over
	f := w2.flat(st.Root)
	x := w.snapshot(1, 4, w.tree(merged(f, flat{"/x": file("x", 1)})), st.Conflicts, a, b)
	y := w.snapshot(2, 5, w.tree(merged(f, flat{"/y": file("y", 1)})), st.Conflicts, a, b)
	z := w.snapshot(3, 6, w.tree(flat{"/z": file("z", 1)}), nil, a)
	want, err := merge.State(w.ctx, merge.Env{Get: w.store, Hash: w.hash}, []object.ID{x, y, z})
	w.must(err)
	var wg sync.WaitGroup
	results := make([]merge.Result, 32)
	errs := make([]error, len(results))
	heads := [][]object.ID{{x, y, z}, {z, x, y}, {y, z, x, a, zero}}
	for i := range results {
		wg.Go(func() { results[i], errs[i] = merge.State(w.ctx, w.env(), heads[i%len(heads)]) })
	}
	wg.Wait()
	for i, r := range results {
		w.must(errs[i])
		if r.Root != want.Root || !reflect.DeepEqual(r.Conflicts, want.Conflicts) || !reflect.DeepEqual(r.Notices, want.Notices) {
			t.Fatalf("run %d differs: %v", i, r)
		}
		over := object.NewOverlay(w.store, w.hash)
		for _, o := range r.New {
			_, err := over.Put(w.ctx, o.Kind, o.Plain)
			w.must(err)
		}
		for _, err := range object.Walk(w.ctx, over, r.Root) {
			w.must(err)
		}
	}
}

func TestStateOfWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	if _, err := merge.State(w.ctx, w.env(), []object.ID{{1}}); !errors.Is(err, object.ErrMissing) {
		t.Errorf("a head that is not here: %v", err)
	}
	a := w.snapshot(1, 1, object.ID{5}, nil)
	b := w.snapshot(2, 1, w.tree(flat{"/a": file("a", 1)}), nil)
	if _, err := merge.State(w.ctx, w.env(), []object.ID{a, b}); !errors.Is(err, object.ErrMissing) {
		t.Errorf("a tree that is not here: %v", err)
	}
}
