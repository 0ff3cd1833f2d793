package worktree

import (
	"context"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// What lies deeper than a virtual path may be is a problem of that name, and
// the tree holds nothing that a walk refuses.
func TestScanLeavesOutWhatIsTooDeep(t *testing.T) {
	ctx := context.Background()
	g := newGround(t)
	g.write(strings.Repeat("d/", object.MaxDepth-2)+"deepest", "x") // with /docs: MaxDepth components
	g.write(strings.Repeat("d/", object.MaxDepth-1)+"too-deep", "x")
	r := g.scan(object.ID{})
	if len(r.Problems) != 1 || !strings.HasSuffix(r.Problems[0].Path, "too-deep") {
		t.Fatalf("%d problems", len(r.Problems))
	}
	root, err := object.SetPath(ctx, g.s.Hasher(), g.s, g.s, object.ID{}, g.m.Path, &object.Entry{Kind: object.Dir, Tree: r.Tree})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for p, err := range object.Walk(ctx, g.s, root) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || p.Entry.Name == "deepest"
	}
	if !found {
		t.Error("the deepest file is not in the tree")
	}
}
