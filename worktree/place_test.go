package worktree

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// A directory takes the place of a file, with an exchange and without one,
// and a person saves the file before any one call: either the apply gives way
// or it is done, and what was saved stands somewhere.
func TestDirectoryTakesThePlaceOfAFile(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, replace := range []bool{false, true} {
			for n := 0; ; n++ {
				g := newMemGround(t)
				g.write("a", "old")
				g.write("other", "old")
				have := g.scan(object.ID{}).Tree
				want := g.tree("a/x=new", "a/y=new", "other=old")
				var mu sync.Mutex
				calls, saved := 0, false
				g.fs.Before = func(op, path string) error {
					mu.Lock()
					defer mu.Unlock()
					if calls++; calls == n {
						if replace {
							_ = g.disk.Remove("docs/a")
						}
						if f, err := g.disk.Create("docs/a", 0o644); err == nil {
							saved = true
							_, err = f.Write([]byte("saved"))
							g.must(err)
						}
					}
					if plain && op == "exchange" {
						return &fs.PathError{Op: op, Path: path, Err: errors.ErrUnsupported}
					}
					return nil
				}
				ctx := context.Background()
				r, err := Apply(ctx, ApplyOptions{Mapping: g.m, Steps: Plan(ctx, g.s, have, want), Content: g.s, Store: g.s, Memory: g.rows, Workers: 1})
				if err != nil && !errors.Is(err, ErrReplan) || len(r.Problems) > 0 {
					t.Fatalf("plain %v, call %d: %v %v", plain, n, err, r.Problems)
				}
				if saved && !g.find("saved") {
					t.Fatalf("plain %v, replace %v, call %d: what was saved is gone: %s", plain, replace, n, g.names(""))
				}
				if err == nil && (g.read("a/x") != "new" || g.read("a/y") != "new") {
					t.Fatalf("plain %v, call %d: done, and %s", plain, n, g.names(""))
				}
				if n > 0 && calls < n {
					break
				}
			}
		}
	}
}

// find reports whether a file of the mapped directory holds a text.
func (g *memGround) find(text string) bool {
	list, err := g.disk.ReadDir("docs")
	g.must(err)
	for _, i := range list {
		if b, err := vfs.ReadFile(g.disk, "docs/"+i.Name, 1<<20); err == nil && string(b) == text {
			return true
		}
	}
	return false
}
