package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// A directory that goes away while it is scanned went away: it is no problem,
// and not in the tree. One that comes back meanwhile is.
func TestDirectoryVanishesDuringScan(t *testing.T) {
	for name, c := range map[string]struct {
		point string
		visit int
		act   func(g *ground, dir string)
		back  bool // d/e is there again
	}{
		"before it is opened": {"scan.dir", 2, func(g *ground, dir string) { remove(g, dir) }, false},
		"the one around it":   {"scan.dir", 2, func(g *ground, dir string) { remove(g, filepath.Dir(dir)) }, false},
		"while it is read":    {"scan.file", 2, func(g *ground, dir string) { remove(g, dir) }, false},
		"and another comes":   {"scan.dir", 2, func(g *ground, dir string) { remove(g, dir); g.write("d/e/new", "new") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t)
			g.write("d/a", "stays")
			g.write("d/e/f", "goes")
			base := g.scan(object.ID{})
			g.write("d/a", "changed")
			g.write("d/e/f", "changed")
			g.rows = memRows{}
			in := fault.New(map[string]int{c.point: c.visit}, func(string) { c.act(g, filepath.Join(g.m.Dir, "d", "e")) })
			r, err := Scan(context.Background(), ScanOptions{Mapping: g.m, Base: base.Tree, Store: g.s, Memory: g.rows, Fault: in, Workers: 1})
			if err != nil || len(r.Problems) > 0 {
				t.Fatalf("%v, %v", r.Problems, err)
			}
			for path, want := range map[string]bool{"/d/a": true, "/d/e": c.back, "/d/e/f": false, "/d/e/new": c.back} {
				_, ok, err := object.LookupPath(context.Background(), g.s, r.Tree, path)
				if err != nil || ok != want {
					t.Errorf("%s: %v, %v", path, ok, err)
				}
			}
		})
	}
}

func remove(g *ground, dir string) {
	g.t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		g.t.Error(err)
	}
}
