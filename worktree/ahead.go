package worktree

import (
	"context"
	"io/fs"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// Ahead counts the files that a scan with the same options will read, and
// their bytes: those that the stat cache does not know as they are. It reads
// no file and tells of no problem, so it is a forecast and no promise.
func Ahead(ctx context.Context, o ScanOptions) (files, bytes uint64, err error) {
	root, err := openRoot(o.Mapping.Dir)
	if err != nil {
		return 0, 0, err
	}
	defer root.Close()
	a := &ahead{s: &scanner{o: o}}
	err = a.dir(ctx, root, nil, nil)
	return a.files, a.bytes, err
}

type ahead struct {
	s            *scanner
	files, bytes uint64
}

func (a *ahead) dir(ctx context.Context, d *directory, path []string, stack *ignoreStack) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(path) > object.MaxDepth {
		return nil
	}
	list, err := d.names()
	if err != nil {
		return nil // the scan tells of it
	}
	for _, e := range list {
		if e.Name() == ignoreName {
			stack = stack.with(path, a.s.readIgnore(d, path))
		}
	}
	var old *row
	if b, err := a.s.o.Memory.Row(a.s.o.Mapping.Path, strings.Join(path, "/")); err == nil && b != nil {
		if old, err = decodeRow(b); err != nil {
			old = nil // the scan reads everything, too
		}
	}
	for _, e := range list {
		if err := a.child(ctx, d, join(path, e.Name()), e, old, stack); err != nil {
			return err
		}
	}
	return nil
}

func (a *ahead) child(ctx context.Context, d *directory, path []string, e fs.DirEntry, old *row, stack *ignoreStack) error {
	if reserved(e.Name(), len(path) == 1) || len(path) == 1 && a.s.o.Only != "" && e.Name() != a.s.o.Only {
		return nil
	}
	fi, err := d.Lstat(e.Name())
	if err != nil || a.s.hidden(path) {
		return nil
	}
	kind := kindOf(fi)
	if stack.ignored(path, kind == object.Dir) || a.s.excluded(path, kind == object.Dir) {
		return nil
	}
	switch kind {
	case object.Dir:
		sub, err := d.open(e.Name())
		if err != nil {
			return nil
		}
		defer sub.Close()
		return a.dir(ctx, sub, path, stack)
	case object.File, object.Symlink:
		if n := oldName(old, e.Name()); n == nil || !n.same(fi) {
			a.files++
			a.bytes += uint64(max(fi.Size(), 0))
		}
	}
	return nil
}
