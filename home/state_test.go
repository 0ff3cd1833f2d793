package home

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
)

func TestGivenReadsBack(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	g, err := h.State().Given()
	if err != nil || g.Known {
		t.Fatalf("a new state knows %+v, %v", g, err)
	}
	id := func(b byte) (out object.ID) { out[0] = b; return out }
	for _, want := range []Given{
		{Known: true, Materialised: map[string]object.ID{}},
		{Known: true, A: []object.ID{id(1), id(2)}, Materialised: map[string]object.ID{"/docs": id(3), "/\xff": id(4)}},
		{Known: true, A: []object.ID{id(5)}, Materialised: map[string]object.ID{"/docs": id(6)}},
	} {
		if err := h.State().SetGiven(want); err != nil {
			t.Fatal(err)
		}
		got, err := h.State().Given()
		if err != nil || got.Known != want.Known || len(got.A) != len(want.A) || len(got.Materialised) != len(want.Materialised) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		for i := range want.A {
			if got.A[i] != want.A[i] {
				t.Errorf("A: got %v, want %v", got.A, want.A)
			}
		}
		for k, v := range want.Materialised {
			if got.Materialised[k] != v {
				t.Errorf("%q: got %v, want %v", k, got.Materialised[k], v)
			}
		}
	}
	if err := h.State().Reset(); err != nil {
		t.Fatal(err)
	}
	if g, err := h.State().Given(); err != nil || g.Known {
		t.Errorf("after a reset: %+v, %v", g, err)
	}
}

func TestRows(t *testing.T) {
	s := open(t, place(t), true).State()
	set := func(m string, rows map[string][]byte) {
		t.Helper()
		if err := s.NoteRows(m, rows); err != nil {
			t.Fatal(err)
		}
	}
	set("/a", map[string][]byte{"": []byte("root"), "sub": []byte("sub"), strings.Repeat("x", maxKey): []byte("too long")})
	set("/ab", map[string][]byte{"": []byte("other")})
	set("/a", map[string][]byte{"sub": nil})
	for _, c := range []struct{ m, dir, want string }{{"/a", "", "root"}, {"/a", "sub", ""}, {"/ab", "", "other"}, {"/a", strings.Repeat("x", maxKey), ""}} {
		if b, err := s.Row(c.m, c.dir); err != nil || string(b) != c.want {
			t.Errorf("%s %.10s: %q, %v", c.m, c.dir, b, err)
		}
	}
	if err := s.DropRows("/a"); err != nil {
		t.Fatal(err)
	}
	if b, _ := s.Row("/a", ""); b != nil {
		t.Errorf("a dropped row: %q", b)
	}
	if b, _ := s.Row("/ab", ""); string(b) != "other" {
		t.Errorf("another mapping's row: %q", b)
	}
}

// What is noted is read at once, is durable with what is set next, and a crash
// loses its end alone.
func TestNoted(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	crash := func() { // as if the process ended here
		t.Helper()
		if err := h.state.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if h.state, err = openState(p.state(), h.log); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want map[string]string) {
		t.Helper()
		for name, w := range want {
			b, err := h.state.Value(name)
			if dir, ok := strings.CutPrefix(name, "row "); ok {
				b, err = h.state.Row("/m", dir)
			}
			if err != nil || string(b) != w {
				t.Errorf("%s, %s: %q, %v, want %q", when, name, b, err, w)
			}
		}
	}
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	do(h.state.NoteValue("a", []byte("1")), h.state.NoteRows("/m", map[string][]byte{"": []byte("root"), "d": []byte("dir")}))
	check("noted", map[string]string{"a": "1", "row ": "root", "row d": "dir"})
	crash()
	check("lost", map[string]string{"a": "", "row ": "", "row d": ""})

	do(h.state.NoteValue("a", []byte("1")), h.state.NoteRows("/m", map[string][]byte{"": []byte("root")}), h.state.SetValue("b", []byte("2")), h.state.NoteValue("a", nil), h.state.NoteValue("c", []byte("3")))
	check("noted", map[string]string{"a": "", "b": "2", "c": "3", "row ": "root"})
	crash()
	check("the end lost", map[string]string{"a": "1", "b": "2", "c": "", "row ": "root"})

	do(h.state.NoteValue("a", nil), h.state.SetGiven(Given{Known: true}))
	crash()
	check("with what was given", map[string]string{"a": ""})

	do(h.state.NoteValue("x/1", []byte("1")), h.state.NoteValue("x/2", []byte("2")), h.state.NoteValue("x/3", []byte("3")), h.state.NoteValue("y", []byte("y")))
	do(h.state.DropValues("x/", "x/2"))
	check("dropped", map[string]string{"x/1": "", "x/2": "2", "x/3": "", "y": "y"})
	do(h.state.NoteRows("/m", map[string][]byte{"d": []byte("dir")}), h.state.DropRows("/m"))
	check("dropped", map[string]string{"row ": "", "row d": ""})
	do(h.state.NoteValue("z", []byte("z")), h.state.Reset())
	check("reset", map[string]string{"y": "", "z": "", "x/2": ""})

	do(h.state.NoteValue("kept", []byte("by close")))
	do(h.Close())
	h = open(t, p, false)
	check("opened again", map[string]string{"kept": "by close"})

	// Much does not wait: what was noted first is durable.
	for i := range 12 {
		do(h.state.NoteValue(fmt.Sprint("much", i), make([]byte, maxNoted/4)))
		if h.state.noted.size > maxNoted {
			t.Fatalf("%d bytes wait", h.state.noted.size)
		}
	}
	crash()
	if b, _ := h.state.Value("much0"); len(b) != maxNoted/4 {
		t.Errorf("much0 has %d bytes", len(b))
	}
	do(h.Close())
}
