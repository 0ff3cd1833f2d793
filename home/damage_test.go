package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/internal/boltfile"
	"github.com/bsvsync/bsv/object"
)

// A damaged state.db is set aside, whatever is damaged in it, and a new one
// begins.
func TestDamagedStateIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, file string){
		"garbage":  func(t *testing.T, f string) { write(t, f, bytes.Repeat([]byte("x"), 1<<16)) },
		"cut":      func(t *testing.T, f string) { b := read(t, f); write(t, f, b[:5000]) },
		"no pages": func(t *testing.T, f string) { b := read(t, f); clear(b[8192:]); write(t, f, b) },
		"bad A": func(t *testing.T, f string) {
			s, err := tryState(f, false)
			if err != nil {
				t.Fatal(err)
			}
			err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketGiven).Put([]byte("A"), []byte("short")) })
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := place(t)
			h := open(t, p, true)
			if err := h.State().SetGiven(Given{Known: true, A: []object.ID{{1}}}); err != nil {
				t.Fatal(err)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, p.state())
			var log bytes.Buffer
			h, err := Open(context.Background(), p, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if g, err := h.State().Given(); err != nil || g.Known {
				t.Errorf("a new state knows %+v, %v", g, err)
			}
			if _, err := os.Lstat(p.state() + ".damaged"); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "set aside") || !strings.Contains(log.String(), "comes back as the vault has it") {
				t.Errorf("nobody was told: %s", log.String())
			}
		})
	}
}

// What is no damage is an error, and the state stays: a full disk or a
// directory in the way must not make bsv forget.
func TestStateErrorsAreNoDamage(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(p.state(), p.state()+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), p, Options{}); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(p.state() + ".damaged"); err == nil {
		t.Error("it was set aside")
	}
}

// Wherever a page is lost, and wherever the file is cut, a home opens: with the
// state as it was, with one that it has been, or with a new one, and never with
// part of one.
func TestDamageAnywhereInState(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	given := Given{Known: true, A: []object.ID{{1}}, Materialised: map[string]object.ID{}}
	rows := map[string][]byte{}
	for i := range 300 {
		given.Materialised[fmt.Sprintf("/m%03d", i)] = object.ID{byte(i), 1}
		rows[fmt.Sprintf("dir%03d", i)] = bytes.Repeat([]byte{byte(i)}, 200+i)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(h.State().NoteRows("/m000", rows))
	check(h.State().SetGiven(given))
	check(h.State().SetValue("n", []byte("1")))
	check(h.State().SetValue("n", []byte("2")))
	check(h.Close())
	whole := read(t, p.state())
	kept, begun := 0, 0
	try := func(name string, b []byte) {
		t.Helper()
		write(t, p.state(), b)
		// A file that is damaged within a tick of the clock may seem to be as it was closed.
		if err := os.Remove(p.state() + ".whole"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.Remove(p.state() + ".damaged"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		h, err := Open(context.Background(), p, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g, err := h.State().Given()
		if err != nil || g.Known && len(g.Materialised) != 300 {
			t.Fatalf("%s: %d of what was given, %v", name, len(g.Materialised), err)
		}
		if _, err := os.Lstat(p.state() + ".damaged"); g.Known == (err == nil) {
			t.Fatalf("%s: known %v, set aside: %v", name, g.Known, err)
		}
		for dir, want := range rows {
			if b, err := h.State().Row("/m000", dir); err != nil || g.Known != (b != nil) || b != nil && !bytes.Equal(b, want) {
				t.Fatalf("%s: row %s: %d bytes, %v", name, dir, len(b), err)
			}
		}
		for range 3 { // both meta pages, and pages that count as free
			check(h.State().SetGiven(given))
		}
		check(h.Close())
		if g.Known {
			kept++
		} else {
			begun++
		}
	}
	page := os.Getpagesize()
	for at := 0; at < len(whole); at += page {
		b := bytes.Clone(whole)
		clear(b[at:min(at+page, len(b))])
		try(fmt.Sprintf("page %d zeroed", at/page), b)
	}
	for percent := 1; percent < 100; percent++ {
		try(fmt.Sprintf("cut to %d %%", percent), whole[:len(whole)*percent/100])
	}
	if kept < 5 || begun < 50 {
		t.Errorf("%d states were kept and %d begun: nothing was tried", kept, begun)
	}
}

// Damage that comes while the state is open is an error from then on, and the
// next start begins a new state.
func TestDamageWhileStateIsOpen(t *testing.T) {
	p := place(t)
	h := open(t, p, true)
	rows := map[string][]byte{}
	for i := range 300 {
		rows[fmt.Sprintf("dir%03d", i)] = bytes.Repeat([]byte{byte(i)}, 300)
	}
	if err := h.State().NoteRows("/m", rows); err != nil {
		t.Fatal(err)
	}
	if err := h.State().SetGiven(Given{A: []object.ID{{1}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.state(), int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := h.State().Row("/m", "dir000"); !errors.Is(err, boltfile.ErrDamaged) {
			t.Fatalf("got %v", err)
		}
		if err := h.State().SetValue("n", []byte("1")); !errors.Is(err, boltfile.ErrDamaged) {
			t.Fatalf("got %v", err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = open(t, p, false)
	if g, err := h.State().Given(); err != nil || g.Known {
		t.Errorf("a new state knows %+v, %v", g, err)
	}
}
