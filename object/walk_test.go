package object

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// plant builds a tree by SetPath and returns it with what it holds.
func plant(t rapid.TB, h *Hasher, st *Overlay, files map[string]string) ID {
	t.Helper()
	root, _, err := putEmpty(context.Background(), st)
	for p, text := range files {
		if err == nil {
			e := fileEntry("", text)
			root, err = SetPath(context.Background(), h, st, st, root, p, &e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// What SetPath put in, Walk and LookupPath find, and Diff names against any
// other tree; what it took out is gone.
func TestPathsOfATree(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		h := testHasher()
		st := NewOverlay(nil, h)
		draw := func(label string) map[string]string {
			m := map[string]string{}
			for range rapid.IntRange(0, 8).Draw(t, label) {
				p := ""
				for range rapid.IntRange(0, 3).Draw(t, "depth") {
					p += "/d" + rapid.SampledFrom([]string{"0", "1"}).Draw(t, "dir")
				}
				m[p+"/"+rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")] = rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "text")
			}
			return m
		}
		check := func(root ID, files map[string]string) {
			n, order := 0, []string(nil)
			for p, err := range Walk(ctx, st, root) {
				if err != nil {
					t.Fatal(err)
				}
				order = append(order, strings.ReplaceAll(p.Path, "/", "\x00"))
				if p.Entry.Kind == Dir {
					continue
				}
				n++
				if text, ok := files[p.Path]; !ok || text != p.Entry.Content.Inline {
					t.Fatalf("%s is in the tree", p.Path)
				}
				e, ok, err := LookupPath(ctx, st, root, p.Path)
				if err != nil || !ok || e != p.Entry {
					t.Fatal(p.Path, ok, err)
				}
				if _, ok, err := LookupPath(ctx, st, root, p.Path+"/below"); ok || err != nil {
					t.Fatal("found below a file", err)
				}
			}
			if n != len(files) || !slices.IsSorted(order) {
				t.Fatalf("%d files, want %d; in order: %v", n, len(files), slices.IsSorted(order))
			}
		}
		fa, fb := draw("a"), draw("b")
		a, b := plant(t, h, st, fa), plant(t, h, st, fb)
		check(a, fa)
		want := map[string]bool{}
		for p, text := range fa {
			if got, ok := fb[p]; !ok || got != text {
				want[p] = true
			}
		}
		for p := range fb {
			if _, ok := fa[p]; !ok {
				want[p] = true
			}
		}
		for c, err := range Diff(ctx, st, a, b) {
			if err != nil {
				t.Fatal(err)
			}
			if c.A != nil && c.A.Kind == Dir || c.B != nil && c.B.Kind == Dir {
				if c.A != nil && c.B != nil {
					t.Fatalf("%s differs only below itself", c.Path)
				}
				continue
			}
			if !want[c.Path] {
				t.Fatalf("%s is in the diff", c.Path)
			}
			delete(want, c.Path)
		}
		if len(want) > 0 {
			t.Fatalf("the diff lacks %v", want)
		}
		for p := range fa {
			delete(fa, p)
			var err error
			if a, err = SetPath(ctx, h, st, st, a, p, nil); err != nil {
				t.Fatal(err)
			}
			check(a, fa)
		}
	})
}

// Diff yields a directory whose own mode changed, before its children.
func TestDiffOfADirectory(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	a := plant(t, h, st, map[string]string{"/d/x": "1"})
	e, _, err := LookupPath(ctx, st, a, "/d")
	if err != nil {
		t.Fatal(err)
	}
	e.Mode, e.Tree = 0o700, plant(t, h, st, map[string]string{"/x": "2"})
	b, err := SetPath(ctx, h, st, st, a, "/d", &e)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for c, err := range Diff(ctx, st, a, b) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.Path)
	}
	if !slices.Equal(got, []string{"/d", "/d/x"}) {
		t.Errorf("%q", got)
	}
}

func TestSetPathAtTheLimits(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	e := fileEntry("", "x")
	if _, err := SetPath(ctx, h, st, st, ID{}, strings.Repeat("/a", MaxDepth+1), &e); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if _, err := SetPath(ctx, h, st, st, ID{}, strings.Repeat("/"+strings.Repeat("a", 255), MaxPath/256+1), &e); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if _, err := SetPath(ctx, h, st, st, ID{}, "/", &e); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	tree := plant(t, h, st, map[string]string{"/x": "2"})
	if id, err := SetPath(ctx, h, st, st, ID{}, "/", &Entry{Kind: Dir, Tree: tree}); err != nil || id != tree {
		t.Error(err)
	}
	empty, _ := EmptyTree(h)
	if id, err := SetPath(ctx, h, st, st, tree, "/", nil); err != nil || id != empty {
		t.Error(err)
	}
}

func TestWalkStopsAtTheLimits(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	for name, c := range map[string]struct {
		name string
		n    int
	}{"components": {"a", MaxDepth + 1}, "bytes": {strings.Repeat("a", 255), 129}} {
		st := NewOverlay(nil, h)
		e := fileEntry(c.name, "x")
		for range c.n - 1 {
			id, sum, err := BuildTree(ctx, h, st, seq([]Entry{e}))
			if err != nil {
				t.Fatal(err)
			}
			e = Entry{Name: c.name, Kind: Dir, Tree: id, Size: sum.Bytes}
		}
		id, _, err := BuildTree(ctx, h, st, seq([]Entry{e}))
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for p, err := range Walk(ctx, st, id) {
			if last = err; err == nil {
				if _, err := CleanPath(p.Path); err != nil {
					t.Errorf("%s: the walk yields a path beyond the limits", name)
				}
			}
		}
		if !errors.Is(last, ErrLimit) {
			t.Errorf("%s: walk ends with %v", name, last)
		}
		last = nil
		for _, err := range Diff(ctx, st, ID{}, id) {
			last = err
		}
		if !errors.Is(last, ErrLimit) {
			t.Errorf("%s: diff ends with %v", name, last)
		}
	}
}
