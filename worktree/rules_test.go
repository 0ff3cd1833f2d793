package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// When ignore rules change, a scan of what changed looks at all that they hold
// for.
func TestChangedRulesReachSubdirectories(t *testing.T) {
	g := newGround(t)
	g.write("a/b/x.tmp", "x")
	g.write("a/b/y", "y")
	g.write("other/z.tmp", "z")
	tree := g.scan(object.ID{}).Tree
	dirty := func(dirs ...string) uint64 {
		t.Helper()
		o := ScanOptions{Mapping: g.m, Base: tree, Store: g.s, Memory: g.rows, Dirty: map[string]bool{}}
		for _, d := range dirs {
			o.Dirty[d] = true
		}
		r, err := Scan(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		g.rows.keep(g.m, r)
		tree = r.Tree
		return r.Dirs
	}
	expect := func(want ...string) {
		t.Helper()
		for _, p := range []string{"/a/b/x.tmp", "/a/b/y", "/other/z.tmp"} {
			_, ok, err := object.LookupPath(context.Background(), g.s, tree, p)
			if err != nil {
				t.Fatal(err)
			}
			wanted := false
			for _, w := range want {
				wanted = wanted || w == p
			}
			if ok != wanted {
				t.Errorf("%s is there: %v", p, ok)
			}
		}
	}
	g.write(".bsvignore", "*.tmp\n")
	dirty("")
	expect("/a/b/y")
	g.write("a/.bsvignore", "!x.tmp\n")
	dirty("a")
	expect("/a/b/x.tmp", "/a/b/y")
	g.write(".bsvignore", "# nothing\n")
	dirty("")
	expect("/a/b/x.tmp", "/a/b/y", "/other/z.tmp")
	if n := dirty(""); n != 1 {
		t.Errorf("%d directories were looked at once more", n)
	}
}

// A directory that another device deletes keeps here what it ignores, and the
// rules that say so: it is not sent to everybody instead.
func TestDeletedDirectoryKeepsItsRules(t *testing.T) {
	ctx := context.Background()
	g := newGround(t)
	g.write("keep", "keep")
	without := g.scan(object.ID{}).Tree
	g.write("p/.bsvignore", "secret\nbuild/\n")
	g.write("p/pub", "pub")
	g.write("p/sub/.bsvignore", "*.o\n")
	g.write("p/sub/c", "c")
	with := g.scan(without).Tree
	g.write("p/secret", "mine alone")
	r, err := g.apply(with, without)
	if err != nil || len(r.Problems) > 0 {
		t.Fatal(r.Problems, err)
	}
	if g.read("p/secret") != "mine alone" || g.read("p/.bsvignore") != "secret\nbuild/\n" {
		t.Fatalf("%q %q", g.read("p/secret"), g.read("p/.bsvignore"))
	}
	for _, name := range []string{"p/pub", "p/sub"} {
		if _, err := os.Lstat(filepath.Join(g.m.Dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	mat, err := Without(ctx, g.s.Hasher(), g.s, g.s, without, r.Undone)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.scan(mat).Tree; got != mat {
		t.Error("what is left reads as a change")
	}
	// Once that is gone, so is the directory.
	if err := os.Remove(filepath.Join(g.m.Dir, "p", "secret")); err != nil {
		t.Fatal(err)
	}
	if r, err := g.apply(mat, without); err != nil || len(r.Undone) > 0 {
		t.Fatal(r.Undone, err)
	}
	if _, err := os.Lstat(filepath.Join(g.m.Dir, "p")); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}
