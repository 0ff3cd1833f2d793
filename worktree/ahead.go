package worktree

import (
	"context"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Ahead counts the files that a scan with the same options will read, and
// their bytes: those that the stat cache does not know as they are. It reads
// no file and tells of no problem, so it is a forecast and no promise.
func Ahead(ctx context.Context, o ScanOptions) (files, bytes uint64, err error) {
	root, err := o.Mapping.open()
	if err != nil {
		return 0, 0, err
	}
	defer root.Close()
	a := &ahead{o: o, outside: o.Mapping.outside()}
	err = a.dir(ctx, root, nil, nil)
	return a.files, a.bytes, err
}

type ahead struct {
	o            ScanOptions
	outside      outside
	files, bytes uint64
}

func (a *ahead) dir(ctx context.Context, d vfs.Dir, path []string, stack *ignoreStack) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(path) > object.MaxDepth {
		return nil
	}
	names, err := d.Names()
	if err != nil {
		return nil // the scan tells of it
	}
	if slices.Contains(names, ignoreName) {
		rules, err := readIgnore(d)
		if err != nil {
			return nil // as above
		}
		stack = stack.with(path, rules)
	}
	var old *row
	if b, err := a.o.Memory.Row(a.o.Mapping.Path, strings.Join(path, "/")); err == nil && b != nil {
		if old, err = decodeRow(b); err != nil {
			old = nil // the scan reads everything, too
		}
	}
	for _, name := range names {
		if err := a.child(ctx, d, join(path, name), old, stack); err != nil {
			return err
		}
	}
	return nil
}

func (a *ahead) child(ctx context.Context, d vfs.Dir, path []string, old *row, stack *ignoreStack) error {
	name := path[len(path)-1]
	if reserved(name) || len(path) == 1 && a.o.Only != "" && name != a.o.Only {
		return nil
	}
	st, err := d.Lstat(name)
	if err != nil {
		return nil
	}
	kind := kindOf(st)
	if stack.ignored(path, kind == object.Dir) || a.outside.name(path, kind == object.Dir) {
		return nil
	}
	switch kind {
	case object.Dir:
		sub, err := d.OpenDir(name)
		if err != nil {
			return nil
		}
		defer sub.Close()
		return a.dir(ctx, sub, path, stack)
	case object.File, object.Symlink:
		if n := oldName(old, name); n == nil || !n.same(st) {
			a.files++
			a.bytes += uint64(max(st.Size, 0))
		}
	}
	return nil
}
