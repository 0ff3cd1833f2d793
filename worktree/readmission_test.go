package worktree

import (
	"context"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// A scan of some directories takes of the others what is materialised, not
// what they held when they were last looked at.
func TestScanOfSomeDirectoriesKnowsWhatWasApplied(t *testing.T) {
	g := newMemGround(t)
	g.m.Exclude = []string{"*.iso"}
	g.write("d/k", "k")
	g.write("e/k", "1")
	keep := func(r ScanResult) object.ID { return g.rows.keep(g.m, r) }
	have := keep(g.scan(g.tree("d/x.iso=v1", "d/k=k", "e/k=1")))
	g.expect("first", g.lines(have), "d/ d/k=k d/x.iso=v1 e/ e/k=1")
	want := g.tree("d/x.iso=v2", "d/k=k", "e/k=1", "d/y.iso=new")
	g.apply(have, want) // and materialised
	g.write("e/k", "2")
	r, err := Scan(context.Background(), ScanOptions{Mapping: g.m, Base: want, Store: g.s, Memory: g.rows, Workers: 1, Dirty: map[string]bool{"e": true}})
	g.must(err)
	g.expect("then", g.lines(r.Tree), "d/ d/k=k d/x.iso=v2 d/y.iso=new e/ e/k=2")
}

// Rules that cannot be read let in what nobody can tell: an error.
func TestReadmissionOfDamagedRules(t *testing.T) {
	g := newMemGround(t)
	if _, err := NewReadmission(context.Background(), g.s.Hasher(), g.s, g.s, g.m, "{"); err == nil {
		t.Error("damaged rules are taken for none")
	}
}
