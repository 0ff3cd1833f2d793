package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// paths clash on purpose: a name is a file here and a directory there.
var (
	clashing = []string{"/a", "/a/k", "/a/k/z", "/b.txt", "/d/a", "/d/b.txt", "/d/e/c"}
	apart    = []string{"/a.txt", "/b", "/d/a", "/d/b.txt", "/d/e/c", "/d/e/f"}
)

// many checks a property as often as the page asks for: thousands of cases a
// run, each round with a seed of its own.
func many(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for i := range 20 {
		if !t.Run(fmt.Sprint(i), func(t *testing.T) { rapid.Check(t, property) }) {
			return
		}
	}
}

func keys(f flat) []string {
	out := make([]string, 0, len(f))
	for p := range f {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// put writes an entry and takes away what is in its way.
func (f flat) put(path string, e object.Entry) {
	for p := range f {
		if object.Within(p, path) || f[p].Kind != object.Dir && object.Within(path, p) {
			delete(f, p)
		}
	}
	f[path] = e
}

// edits makes a version of a tree. Contents come from a small alphabet, so
// that the same arises twice, except with a source of new ones.
func (w *world) edits(t *rapid.T, label string, base flat, paths []string, plain bool) flat {
	f := merged(base, nil)
	for range rapid.IntRange(0, 6).Draw(t, label) {
		time := rapid.Int64Range(1, 4).Draw(t, "time")
		path := rapid.SampledFrom(paths).Draw(t, "path")
		content := rapid.SampledFrom([]string{"0", "1", "2", "3", "4"}).Draw(t, "content")
		e := file(content, time)
		if !plain {
			e.Mode = rapid.SampledFrom([]uint16{0o644, 0o600, 0o755}).Draw(t, "mode")
			if rapid.IntRange(0, 3).Draw(t, "attr") == 0 {
				e = w.attrs(e, rapid.SampledFrom([]string{"k=1", "k=2", "l=1"}).Draw(t, "attr value"))
			}
		}
		have := keys(f)
		op := rapid.IntRange(0, 9).Draw(t, "op")
		switch {
		case op <= 3 || len(have) == 0:
			f.put(path, e)
		case op <= 5:
			gone := rapid.SampledFrom(have).Draw(t, "gone")
			for _, p := range have {
				if object.Within(p, gone) {
					delete(f, p)
				}
			}
		case op == 6: // touch, chmod
			p := rapid.SampledFrom(have).Draw(t, "touched")
			if x := f[p]; x.Kind == object.File {
				x.MTime, x.Mode = e.MTime, e.Mode
				f[p] = x
			}
		case op == 7: // a conflict copy, as another merge made it
			if x, ok := base[path]; ok && x.Kind == object.File {
				f.put(w.copyName(path, x.Content.Inline), x)
			}
		case op == 8 && !plain:
			f.put(path, link(content, time))
		case op == 9 && !plain:
			f.put(path, dir(rapid.SampledFrom([]uint16{0o755, 0o700}).Draw(t, "dir mode"), time))
		default: // a whole directory goes
			for _, p := range have {
				if object.Within(p, "/d") {
					delete(f, p)
				}
			}
		}
	}
	return f
}

// identity is what a content is, whatever the metadata; "" of directories.
func identity(e object.Entry) string {
	switch e.Kind {
	case object.File:
		return "file " + e.Content.Inline
	case object.Symlink:
		return "link " + e.Target
	}
	return ""
}

func (f flat) contents() map[string]bool {
	out := map[string]bool{}
	for _, e := range f {
		out[identity(e)] = true
	}
	return out
}

func isCopy(path string) bool {
	_, name := object.SplitPath(path)
	_, ok := merge.Original(name)
	return ok
}

func TestThreeProperties(t *testing.T) {
	many(t, func(t *rapid.T) {
		w := newWorld(t)
		b := w.edits(t, "base", nil, clashing, false)
		o := w.edits(t, "ours", b, clashing, false)
		s := w.edits(t, "theirs", b, clashing, false)
		base, ours, theirs := w.tree(b), w.tree(o), w.tree(s)
		b, o, s = w.flat(base), w.flat(ours), w.flat(theirs)
		r := w.three(base, ours, theirs) // symmetric
		f := w.flat(r.Root)              // well formed
		show := fmt.Sprintf("\nbase   %v\nours   %v\ntheirs %v\nresult %v", b, o, s, f)

		for _, c := range []struct{ base, ours, theirs, want object.ID }{
			{base, ours, base, ours}, {base, base, theirs, theirs}, {base, ours, ours, ours}, {ours, r.Root, ours, r.Root},
		} {
			if got := w.three(c.base, c.ours, c.theirs).Root; got != c.want {
				t.Fatalf("identity does not hold: %v, want %v%s", w.flat(got), w.flat(c.want), show)
			}
		}

		result := f.contents()
		for i, side := range []flat{o, s} {
			other := []flat{s, o}[i]
			for p, e := range side {
				id := identity(e)
				if id == "" || result[id] {
					continue
				}
				// Missing from the result: it was not new here, or rule 9
				// knows that the other side saw and dropped it.
				was, known := b[p]
				if isCopy(p) && !known {
					d, name := object.SplitPath(p)
					orig, _ := merge.Original(name)
					was, known = b[object.JoinPath(d, orig)]
				}
				if !known || identity(was) != id {
					t.Fatalf("lost %s of %s%s", id, p, show)
				}
				if x, ok := other[p]; ok && !isCopy(p) && identity(x) == id {
					t.Fatalf("lost %s of %s that both have%s", id, p, show)
				}
			}
			// Only one side touched the path: it is as that side has it.
			for p := range union(b, o, s) {
				x, y, z := b[p], other[p], side[p]
				if x == y && x.Kind != object.Dir && z.Kind != object.Dir && f[p] != z && !isCopy(p) {
					t.Fatalf("%s was touched by one side only: %+v, want %+v%s", p, f[p], z, show)
				}
			}
		}
		have := o.contents()
		for id := range s.contents() {
			have[id] = true
		}
		for p, e := range f {
			if id := identity(e); id != "" && !have[id] {
				t.Fatalf("%s was invented: %s%s", p, id, show)
			}
			if x, ok := b[p]; ok && identity(x) != "" && identity(x) == identity(e) && !isCopy(p) && (identity(o[p]) != identity(x) || identity(s[p]) != identity(x)) {
				t.Fatalf("%s was resurrected%s", p, show)
			}
			if _, ok := union(o, s)[p]; !ok && !isCopy(p) {
				t.Fatalf("%s is nobody's path%s", p, show)
			}
		}

		// Records and copies: each record's copies are there with the side
		// that lost; a copy that neither side brought has its record.
		recorded := map[string]bool{}
		for _, c := range r.Conflicts {
			if len(c.Copies) != 1 || len(c.Sides) != 2 || c.Winner != 0 || identity(f[c.Copies[0]]) != identity(c.Sides[1].Entry) {
				t.Fatalf("record %+v%s", c, show)
			}
			recorded[c.Copies[0]] = true
		}
		for p := range f {
			_, mine := o[p]
			_, theirs := s[p]
			if !mine && !theirs && !recorded[p] {
				t.Fatalf("copy %s without a record%s", p, show)
			}
		}
	})
}

func union(list ...flat) flat {
	out := flat{}
	for _, f := range list {
		out = merged(out, f)
	}
	return out
}

// flatMerge is the oracle: the rules for files as the page words them, on
// maps. Directories arise and vanish with their files.
func (w *world) flatMerge(b, o, t flat) flat {
	out := flat{}
	outlived := func(p string, e object.Entry, other flat) bool { // rule 9
		dir, name := object.SplitPath(p)
		orig, ok := merge.Original(name)
		orig = object.JoinPath(dir, orig)
		if _, known := b[p]; known || !ok || identity(b[orig]) != identity(e) || identity(other[orig]) == identity(e) {
			return false
		}
		for q, x := range other {
			if identity(x) == identity(e) && identity(b[q]) != identity(e) {
				return false
			}
		}
		return true
	}
	lost := flat{}
	for p := range union(b, o, t) {
		be, inB := b[p]
		oe, inO := o[p]
		te, inT := t[p]
		time := max(oe.MTime, te.MTime)
		if inB && oe.MTime == be.MTime {
			time = te.MTime
		} else if inB && te.MTime == be.MTime {
			time = oe.MTime
		}
		switch {
		case oe == te, be == te:
			if inO && !(!inB && !inT && outlived(p, oe, t)) {
				out[p] = oe
			}
		case be == oe:
			if inT && !(!inB && !inO && outlived(p, te, o)) {
				out[p] = te
			}
		case !inO && identity(te) != identity(be):
			out[p] = te
		case !inT && identity(oe) != identity(be):
			out[p] = oe
		case !inO || !inT: // touched only
		case identity(oe) == identity(te):
			oe.MTime = time
			out[p] = oe
		case identity(oe) == identity(be):
			out[p] = te
		case identity(te) == identity(be):
			out[p] = oe
		case !inB && outlived(p, oe, t):
			out[p] = te
		case !inB && outlived(p, te, o):
			out[p] = oe
		default:
			x, y := oe.Digest(w.hash), te.Digest(w.hash)
			if te.MTime > oe.MTime || te.MTime == oe.MTime && string(y[:]) > string(x[:]) {
				oe, te = te, oe
			}
			out[p], lost[p] = oe, te
		}
	}
	for _, p := range keys(lost) {
		e := lost[p]
		dir, name := object.SplitPath(p)
		name = merge.CopyName(name, e.Digest(w.hash), func(n string) bool {
			x, ok := out[object.JoinPath(dir, n)]
			return ok && identity(x) != identity(e)
		})
		if x, ok := out[object.JoinPath(dir, name)]; !ok || e.MTime > x.MTime {
			out[object.JoinPath(dir, name)] = e
		}
	}
	return out
}

func TestThreeAgainstFlatMaps(t *testing.T) {
	many(t, func(t *rapid.T) {
		w := newWorld(t)
		b := w.edits(t, "base", nil, apart, true)
		o := w.edits(t, "ours", b, apart, true)
		s := w.edits(t, "theirs", b, apart, true)
		want := w.flatMerge(b, o, s)
		r := w.three(w.tree(b), w.tree(o), w.tree(s))
		got := w.flat(r.Root)
		for p, e := range got {
			if e.Kind == object.Dir {
				delete(got, p)
			}
		}
		if strings.Join(keys(got), " ") != strings.Join(keys(want), " ") || got.String() != want.String() {
			t.Fatalf("base   %v\nours   %v\ntheirs %v\ngot    %v\nwant   %v", b, o, s, got, want)
		}
	})
}
