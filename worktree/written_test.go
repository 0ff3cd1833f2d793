package worktree

import (
	"context"
	"testing"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// What an apply wrote the next scan does not read, but for what somebody has
// touched since, and for what is another entry than was written.
func TestWrittenIsNotReadAgain(t *testing.T) {
	g := newMemGround(t)
	g.write("old", "old")
	have := g.scan(object.ID{}).Tree
	want := g.tree("a=1", "b=22", "c=333", "d/e=4444", "d/f=55555", "old=new")
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "")
	reads := func(base object.ID) (n int, tree string) {
		s, err := Scan(context.Background(), ScanOptions{Mapping: g.m, Base: base, Store: g.s, Memory: memRows{}, Written: r.Written, Workers: 1,
			Fault: fault.Trace(func(point string) {
				if point == "scan.file" {
					n++
				}
			})})
		g.must(err)
		return n, g.lines(s.Tree)
	}
	if n, tree := reads(want); n != 0 || tree != g.lines(want) {
		t.Errorf("%d files were read, %s", n, tree)
	}
	g.chmod("a", 0o600)
	g.write("d/f", "66666")
	g.in("c", func(d vfs.Dir, base string) error { return d.Chtimes(base, 77) })
	if n, _ := reads(want); n != 3 {
		t.Errorf("%d files were read, 3 were touched", n)
	}
	if n, _ := reads(g.tree("a=1", "b=other", "c=333", "d/e=4444", "d/f=55555")); n != 5 {
		t.Errorf("%d files were read; of these two are not what the tree says, or not in it", n)
	}
}

func TestWrittenTellsApart(t *testing.T) {
	w, e, st := &Written{}, object.Entry{Name: "x"}, vfs.Stat{Size: 1, Mode: 0o600, CTime: 5}
	if w.has("a") || w.still("a", st, e) || (*Written)(nil).has("a") {
		t.Error("remembers what was not written")
	}
	w.set("a", st, e)
	renamed, longer, other := st, st, e
	renamed.CTime, longer.Size, other.Mode = 6, 2, 1
	for _, c := range []struct {
		path             string
		st               vfs.Stat
		e                object.Entry
		still, displaced bool
	}{{"a", st, e, true, true}, {"a", renamed, e, false, true}, {"a", longer, e, false, false}, {"a", st, other, false, false}, {"b", st, e, false, false}} {
		if w.still(c.path, c.st, c.e) != c.still || w.displaced(c.path, c.st, c.e) != c.displaced {
			t.Errorf("%+v", c)
		}
	}
}
