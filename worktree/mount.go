package worktree

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
)

// away reports whether a directory is one on which a file system was mounted, and
// holds nothing of that. Now it lies on the file system of the one above.
func (r *row) away(names []string) bool {
	return r.mount && len(r.names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return r.find(n) != nil })
}

// unmounted is the error of a directory on which a file system was mounted that is
// away: what was on it is not deleted.
func unmounted(where string) error {
	return &fs.PathError{Op: "open", Path: where, Err: fmt.Errorf("the file system that was mounted on %s is away: mount it, or, if its files are to be deleted, remove that directory before the next snapshot", where)}
}

// mounted reports a directory on which a file system was mounted that is away:
// what belongs on that must not be written below. d lies on the file system of
// the directory above.
func (a *applier) mounted(d vfs.Dir, path []string) error {
	b, err := a.o.Memory.Row(a.o.Mapping.Path, strings.Join(path, "/"))
	if err != nil || b == nil {
		return nil // nothing is known of it
	}
	r, err := decodeRow(b)
	if err != nil || !r.mount {
		return nil
	}
	names, err := d.Names()
	if err == nil && r.away(names) {
		err = unmounted(a.virtual(path))
	}
	return err
}
