package worktree

import (
	"errors"
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

// A mapped directory that cannot be read and of which nothing is known is a
// problem of its own, and no empty one.
func TestUnreadableNewMapping(t *testing.T) {
	g := newGround(t)
	g.write("a", "one")
	g.m.FS = &vfs.Fail{FS: vfs.OS{}, Before: func(op, path string) error {
		if op == "names" {
			return &fs.PathError{Op: "read", Path: path, Err: fs.ErrPermission}
		}
		return nil
	}}
	r, err := Scan(t.Context(), ScanOptions{Mapping: g.m, Store: g.s, Memory: g.rows})
	if !errors.Is(err, ErrUnread) || len(r.Problems) != 1 || r.Problems[0].Path != g.m.Path {
		t.Errorf("%v, %v", r.Problems, err)
	}
}
