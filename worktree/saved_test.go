package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// A file that a person saves in the moment after an apply has put another one at
// its name is a person's: the next scan finds it, and the next apply does not
// take it for what bsv wrote.
func TestSavedWhileApplied(t *testing.T) {
	const mine = "mine, longer than the others"
	saves := map[string]func(g *ground, name string) error{
		"replaced": func(g *ground, name string) error {
			temp := filepath.Join(g.m.Dir, "editor~")
			return errors.Join(os.WriteFile(temp, []byte(mine), 0o644), os.Rename(temp, filepath.Join(g.m.Dir, name)))
		},
		"replaced by one as long and as old": func(g *ground, name string) error {
			p, temp := filepath.Join(g.m.Dir, name), filepath.Join(g.m.Dir, "editor~")
			fi, err := os.Stat(p)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(temp, []byte(mine)[:fi.Size()], 0o644), os.Chtimes(temp, fi.ModTime(), fi.ModTime()), os.Rename(temp, p))
		},
		"written": func(g *ground, name string) error {
			return os.WriteFile(filepath.Join(g.m.Dir, name), []byte(mine), 0o644)
		},
		"written as long": func(g *ground, name string) error {
			p := filepath.Join(g.m.Dir, name)
			fi, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, []byte(mine)[:fi.Size()], 0o644)
		},
	}
	old := func(g *ground, name string, year int) {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(g.m.Dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	steps := map[string]struct {
		point  string
		change func(g *ground)
	}{
		"edit":  {"apply.removed", func(g *ground) { g.write("a", "two"); old(g, "a", 2001) }},
		"new":   {"apply.placed", func(g *ground) { g.write("b", "two"); old(g, "b", 2001) }},
		"times": {"apply.meta", func(g *ground) { old(g, "a", 2002) }},
		"mode": {"apply.meta", func(g *ground) {
			if err := os.Chmod(filepath.Join(g.m.Dir, "a"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for what, step := range steps {
		for how, save := range saves {
			t.Run(what+" "+how, func(t *testing.T) {
				g := newGround(t)
				g.write("a", "one")
				old(g, "a", 2000)
				first := g.scan(object.ID{}).Tree
				step.change(g)
				second := g.scan(first).Tree
				if _, err := g.apply(second, first); err != nil {
					t.Fatal(err)
				}
				g.scan(first)
				name := "a"
				if what == "new" {
					name = "b"
				}
				var failed error
				saved := ""
				ctx := context.Background()
				r, err := Apply(ctx, ApplyOptions{Mapping: g.m, Steps: Plan(ctx, g.s, first, second), Content: g.s, Store: g.s, Memory: g.rows,
					Fault: fault.Trace(func(point string) {
						if point == step.point {
							failed = errors.Join(failed, save(g, name))
							saved = g.read(name)
						}
					})})
				if err = errors.Join(err, failed); err != nil || saved == "" {
					t.Fatal(err, saved)
				}
				s, err := Scan(ctx, ScanOptions{Mapping: g.m, Base: second, Store: g.s, Memory: g.rows, Written: r.Written})
				if err != nil {
					t.Fatal(err)
				}
				e, ok, err := object.Lookup(ctx, g.s, s.Tree, name)
				if err != nil || !ok || e.Content.Inline != saved {
					t.Errorf("the scan found %q, %v; saved was %q", e.Content.Inline, err, saved)
				}
				if _, err := g.apply(second, first); !errors.Is(err, ErrReplan) || g.read(name) != saved {
					t.Errorf("the next apply left %q: %v", g.read(name), err)
				}
			})
		}
	}
}
