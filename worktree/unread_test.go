package worktree

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// The files of a directory that cannot be read are in the tree, so they count.
func TestUnreadableDirectoryCounts(t *testing.T) {
	g := newGround(t)
	g.write("a", "one")
	g.write("d/b", "two")
	g.write("d/e/c", "three")
	first := g.scan(object.ID{})
	unread := filepath.Join(g.m.Dir, "d")
	g.m.FS = &vfs.Fail{FS: vfs.OS{}, Before: func(op, path string) error {
		if op == "names" && filepath.Clean(path) == unread {
			return &fs.PathError{Op: "read", Path: path, Err: fs.ErrPermission}
		}
		return nil
	}}
	for range 2 {
		g.write("a", "changed")
		if r := g.scan(first.Tree); len(r.Problems) != 1 || r.Files != 3 {
			t.Errorf("%d files, %v", r.Files, r.Problems)
		}
		g.rows = memRows{} // and without what the cache says
	}
}
