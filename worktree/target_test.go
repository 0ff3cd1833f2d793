package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// A fresh target is written to under temporary names. What comes to a name
// meanwhile stays, is a problem of that file, and the others go on.
func TestFreshTargetKeepsWhatCame(t *testing.T) {
	from := newGround(t)
	from.write("a", "from the vault")
	from.write("b", "from the vault")
	want := from.scan(object.ID{}).Tree
	to := &ground{t, Mapping{Path: "/", Dir: t.TempDir(), Unmarked: true}, from.s, memRows{}}
	in := fault.New(map[string]int{"apply.written": 1}, func(string) {
		if names, err := os.ReadDir(to.m.Dir); err != nil || len(names) != 2 || !Unfinished(names[0].Name()) || !Unfinished(names[1].Name()) {
			t.Errorf("before the files are named: %v, %v", names, err)
		}
		to.write("a", "a person's")
	})
	ctx := context.Background()
	r, err := Apply(ctx, ApplyOptions{Mapping: to.m, Steps: Plan(ctx, from.s, object.ID{}, want), Content: from.s, Store: from.s, Memory: to.rows, Fresh: true, Fault: in})
	if err != nil || len(r.Problems) != 1 || r.Problems[0].Path != "/a" {
		t.Fatalf("%+v, %v", r.Problems, err)
	}
	if to.read("a") != "a person's" || to.read("b") != "from the vault" {
		t.Errorf("a: %q, b: %q", to.read("a"), to.read("b"))
	}
	if names, err := os.ReadDir(to.m.Dir); err != nil || len(names) != 2 {
		t.Errorf("something is left over: %v, %v", names, err)
	}
}

// Recovering a target looks into the directories that the tree has or puts
// something else in the place of, into others only when they are to go, and into
// no mapped one: there another apply may be at work.
func TestRecoverTargetLeavesOthersAlone(t *testing.T) {
	const left = ".bsv-new-0123456789abcdef"
	g := newGround(t)
	g.write("d/a", "one")
	g.write("mapped/a", "one")
	g.write("file", "in the place of a directory")
	tree := g.scan(object.ID{}).Tree
	m := Mapping{Path: "/", Dir: t.TempDir(), Unmarked: true}
	to := &ground{t, m, g.s, memRows{}}
	to.write(left, "half")
	to.write("d/"+left, "half")
	to.write("other/"+left, "half")
	to.write("mapped/"+left, "half")
	to.write("mapped/.bsvmap", "another device\n")
	to.write(".bsv-new-notes", "a person's")
	to.write("file/"+left, "half")
	for _, all := range []bool{false, true} {
		if back, err := RecoverTarget(context.Background(), m, g.s, tree, all); err != nil || len(back) > 0 {
			t.Fatal(back, err)
		}
		for name, stays := range map[string]bool{left: false, "d/" + left: false, "file/" + left: false, "other/" + left: !all, "mapped/" + left: true, ".bsv-new-notes": true} {
			if _, err := os.Lstat(filepath.Join(m.Dir, name)); (err == nil) != stays {
				t.Errorf("%s, all %v: %v", name, all, err)
			}
		}
	}
}

// Verify names what is missing, of another kind or content, and what cannot be
// compared; what stands beside it is nobody's concern.
func TestVerify(t *testing.T) {
	g := newGround(t)
	for _, name := range []string{"same", "other", "gone", "kind", "d/below", "e/below"} {
		g.write(name, "text of a file")
	}
	tree := g.scan(object.ID{}).Tree
	g.write("other", "text of a life")
	g.write("beside", "text")
	for _, name := range []string{"gone", "kind", "d/below", "e"} {
		if err := os.RemoveAll(filepath.Join(g.m.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(g.m.Dir, "kind"), 0o755); err != nil {
		t.Fatal(err)
	}
	bad, err := Verify(context.Background(), VerifyOptions{Mapping: g.m, Entry: object.Entry{Kind: object.Dir, Tree: tree}, Store: g.s})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range bad {
		got[p.Path] = p.Reason
	}
	want := map[string]string{"/docs/other": "reads back differently", "/docs/kind": "reads back differently", "/docs/gone": "is missing", "/docs/d/below": "is missing", "/docs/e": "is missing"}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for p, why := range want {
		if got[p] != why {
			t.Errorf("%s: %q, not %q", p, got[p], why)
		}
	}
}
