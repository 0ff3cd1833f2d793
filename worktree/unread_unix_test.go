//go:build unix

package worktree

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// The files of a directory that cannot be read are in the tree, so they count.
func TestUnreadableDirectoryCounts(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	g := newGround(t)
	g.write("a", "one")
	g.write("d/b", "two")
	g.write("d/e/c", "three")
	first := g.scan(object.ID{})
	dir := filepath.Join(g.m.Dir, "d")
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		g.write("a", "changed")
		if r := g.scan(first.Tree); len(r.Problems) != 1 || r.Files != 3 {
			t.Errorf("%d files, %v", r.Files, r.Problems)
		}
		g.rows = memRows{} // and without what the cache says
	}
}
