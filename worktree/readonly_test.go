package worktree

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Below a mapping another file system is mounted that can only be read: what
// was to change in it is a problem each, and everything else is done.
func TestReadOnlyFileSystemBelow(t *testing.T) {
	g := newMemGround(t)
	old := []string{"ro/f=1", "ro/gone=g", "ro/d/x=x", "ro/l->a", "k=1", "z=1"}
	for _, l := range old {
		if name, text, ok := strings.Cut(l, "="); ok {
			g.write(name, text)
		}
	}
	g.in("ro/l", func(d vfs.Dir, base string) error { return d.Symlink("a", base) })
	have := g.scan(object.ID{}).Tree
	want := g.tree("ro/f=2", "ro/new=n", "ro/l->b", "ro/l2->c", "ro/e/y=y", "k=2", "z=2", "new=n")
	g.fs.Before = func(op, path string) error {
		switch op {
		case "create", "symlink", "mkdir", "rename", "renamenew", "exchange", "remove", "chmod", "chtimes":
			if strings.HasPrefix(strings.TrimPrefix(path, "/"), "docs/ro/") {
				return &fs.PathError{Op: op, Path: path, Err: syscall.EROFS}
			}
		}
		return nil
	}
	r := g.apply(have, want)
	g.expect("beside it", g.read("k")+g.read("z")+g.read("new"), "22n")
	g.expect("in it", g.read("ro/f")+g.read("ro/gone")+g.read("ro/d/x")+" "+g.names("ro"), "1gx d f gone l")
	for _, p := range []string{"/docs/ro/f", "/docs/ro/new", "/docs/ro/l", "/docs/ro/l2", "/docs/ro/gone", "/docs/ro/e", "/docs/ro/d/x"} {
		if !strings.Contains(problemPaths(r.Problems)+" ", p+" (read-only file system: mount it writable") {
			t.Errorf("%s is no problem: %s", p, problemPaths(r.Problems))
		}
	}
	g.fs.Before = nil
	if now := g.scan(g.without(want, r)); g.lines(now.Tree) != g.lines(g.without(want, r)) {
		t.Errorf("what was not done reads as an edit: %s, given %s", g.lines(now.Tree), g.lines(g.without(want, r)))
	}
}
