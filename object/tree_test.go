package object

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestTreesThatAreNotBuilt(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	a, b := fileEntry("a", ""), fileEntry("b", "")
	for name, list := range map[string][]Entry{"out of order": {b, a}, "twice": {a, a}, "a name that is none": {fileEntry("..", "")}} {
		if _, _, err := BuildTree(ctx, h, NewOverlay(nil, h), seq(list)); err == nil {
			t.Errorf("%s: built", name)
		}
	}
	failed := errors.New("failed")
	if _, _, err := BuildTree(ctx, h, NewOverlay(nil, h), func(yield func(Entry, error) bool) { _ = yield(a, nil) && yield(Entry{}, failed) }); !errors.Is(err, failed) {
		t.Error(err)
	}
	st := NewOverlay(nil, h)
	for name, edits := range map[string][]Edit{"out of order": {{"b", &b}, {"a", &a}}, "twice": {{"a", &a}, {"a", nil}}, "under another name": {{"b", &a}}} {
		if _, _, err := EditTree(ctx, h, st, st, ID{}, edits); err == nil {
			t.Errorf("edits %s: made", name)
		}
	}
	huge := func(name string) Entry {
		return Entry{Name: name, Kind: File, Content: Content{Kind: KindList, ID: ID{1}}, Size: 1 << 63}
	}
	if _, _, err := BuildTree(ctx, h, st, seq([]Entry{huge("a"), huge("b"), huge("c")})); err == nil {
		t.Error("sizes beyond 64 bits: built")
	}
}

func TestReadingATree(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	var list []Entry
	for i := range 500 {
		list = append(list, fileEntry(fmt.Sprintf("%03d", i), "xy"))
	}
	root, sum, err := BuildTree(ctx, h, st, seq(list))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Summarise(ctx, st, root); err != nil || got != sum || got != (Summary{500, 1000}) {
		t.Error(got, err)
	}
	if got, err := Summarise(ctx, st, ID{}); err != nil || got != (Summary{}) {
		t.Error(got, err)
	}
	for _, from := range []string{"", "000", "123", "1235", "499", "5"} {
		want := 0
		for want < len(list) && list[want].Name < from {
			want++
		}
		for e, err := range Entries(ctx, st, root, from) {
			if err != nil || e != list[want] {
				t.Fatal(from, e.Name, err)
			}
			want++
		}
		if want != len(list) {
			t.Errorf("from %q: ends at %d", from, want)
		}
	}
	for _, name := range []string{"123", "1235", "999", ""} {
		e, ok, err := Lookup(ctx, st, root, name)
		if err != nil || ok != (name == "123") || ok && e.Name != name {
			t.Error(name, e, ok, err)
		}
	}
	// A node that is missing is told, whatever one reads.
	top, err := load(ctx, st, treeShape, root)
	if err != nil {
		t.Fatal(err)
	}
	hole := &holed{st, top.items[len(top.items)-1].id}
	for range Entries(ctx, hole, root, "") {
		break // what comes before it is still read
	}
	var last error
	for _, err := range Entries(ctx, hole, root, "") {
		last = err
	}
	_, _, err = Lookup(ctx, hole, root, "499")
	e := fileEntry("499", "new")
	_, _, err2 := EditTree(ctx, h, hole, st, root, []Edit{{"499", &e}})
	var err3 error
	for _, err := range Diff(ctx, hole, ID{}, root) {
		err3 = err
	}
	for i, err := range []error{last, err, err2, err3} {
		if !errors.Is(err, ErrMissing) {
			t.Error(i, err)
		}
	}
	if _, err := (NewOverlay(hole, h)).Get(ctx, root); err != nil {
		t.Error("an overlay reads its base:", err)
	}
}

// holed lacks one object.
type holed struct {
	Getter
	id ID
}

func (g *holed) Get(ctx context.Context, id ID) ([]byte, error) {
	if id == g.id {
		return nil, ErrMissing
	}
	return g.Getter.Get(ctx, id)
}

// An overlay hands its own objects out once each, children first, and keeps no
// bytes of its caller's.
func TestOverlay(t *testing.T) {
	h := testHasher()
	st := NewOverlay(nil, h)
	b := []byte("one")
	one := put(t, st, KindChunk, b)
	two := put(t, st, KindChunk, []byte("two"))
	copy(b, "XXX")
	put(t, st, KindChunk, []byte("one"))
	var got []ID
	err := st.All(func(id ID, kind Kind, plain []byte) error {
		got = append(got, id)
		if h.Sum(kind, plain) != id {
			t.Error("an overlay's object changed")
		}
		return nil
	})
	if err != nil || st.Len() != 2 || len(got) != 2 || got[0] != one || got[1] != two {
		t.Error(got, err)
	}
	failed := errors.New("failed")
	if err := st.All(func(ID, Kind, []byte) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
}
