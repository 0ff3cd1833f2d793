package worktree

import (
	"context"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// A name that bsv keeps for itself in mapped directories is not stored from
// one, which is told of, and what a tree has there stays in it.
func TestReservedNames(t *testing.T) {
	g := newMemGround(t)
	g.write("k", "k")
	g.write("d/.bsv-new-notes", "a person's")
	g.write("d/k", "k")
	have := g.scan(object.ID{})
	g.expect("stored", g.lines(have.Tree), "d/ d/k=k k=k")
	g.expect("told of", problemPaths(have.Notices), "/docs/d/.bsv-new-notes (skipped: names that begin with .bsv-new- or .bsv-swap- are bsv's own; rename it to have it stored)")
	keep := func(r ScanResult) { g.rows.keep(g.m, r) }
	keep(have)
	want := g.tree(".bsvmap=x", "d/k=2", "d/.bsv-new-notes=theirs", ".bsv-swap-q/in/side=y", "k=k")
	r := g.apply(have.Tree, want)
	if len(r.Undone)+len(r.Problems) > 0 {
		t.Errorf("undone %v, problems %v", r.Undone, r.Problems)
	}
	g.expect("disk", g.read("d/k")+g.read("d/.bsv-new-notes")+" "+g.names(""), "2a person's d k")
	for range 2 { // without rows that say so, and with them
		now := g.scan(want)
		g.expect("kept", g.lines(now.Tree), g.lines(want))
		keep(now)
	}
	g.write("k", "3")
	g.expect("beside an edit", g.lines(g.scan(want).Tree), ".bsv-swap-q/ .bsv-swap-q/in/ .bsv-swap-q/in/side=y .bsvmap=x d/ d/.bsv-new-notes=theirs d/k=2 k=3")
	if c := g.count(want, have.Tree); c.Deleted != 0 {
		t.Errorf("%d count as deleted that no disk has", c.Deleted)
	}
	back, err := Recover(context.Background(), g.m, g.s, []object.ID{want})
	if g.must(err); len(back) > 0 {
		t.Errorf("came back: %v", back)
	}
	g.expect("after a crash", g.read("d/.bsv-new-notes"), "a person's")
}

// A crash costs no person's file, whatever it is called.
func TestRecoverLeavesWhatIsAPersons(t *testing.T) {
	g := newMemGround(t)
	names := []string{".bsv-new-notes", ".bsv-new-", ".bsv-new-0123456789abcdeF", ".bsv-new-0123456789abcdef0", ".bsv-swap-notes", ".bsv-swap-0123", "d/.bsv-swap-x"}
	for _, n := range names {
		g.write(n, "known")
	}
	back, err := Recover(context.Background(), g.m, g.s, []object.ID{g.tree("a=known", "d/a=known")})
	if g.must(err); len(back) > 0 {
		t.Errorf("came back: %v", back)
	}
	for _, n := range names {
		g.expect(n, g.read(n), "known")
	}
}

// A restore into another directory does not leave such a name out in silence.
func TestReservedNamesOfARestore(t *testing.T) {
	g := newMemGround(t)
	g.m.Unmarked = true
	r := g.apply(object.ID{}, g.tree("d/.bsv-new-x=1", "d/k=k"))
	if len(r.Problems) != 1 || r.Problems[0].Path != "/docs/d/.bsv-new-x" || g.read("d/k") != "k" {
		t.Errorf("problems: %v", r.Problems)
	}
}
