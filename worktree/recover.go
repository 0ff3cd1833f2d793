package worktree

import (
	"context"
	"errors"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Recover cleans what an interrupted apply left in a mapping: unfinished
// writes go; what was being swapped goes when one of the trees holds it in the
// same directory, and otherwise comes back under a name of its own;
// directories that were made writable get their modes back. trees are the one
// that is materialised and the one that was wanted. Recover returns what came
// back, durable by then.
func Recover(ctx context.Context, m Mapping, s Store, trees []object.ID) (back []string, err error) {
	root, err := m.open()
	if err != nil {
		return nil, err
	}
	r := &recoverer{ctx: ctx, s: s, outside: m.outside()}
	err = r.dir(root, nil, trees)
	return r.back, errors.Join(err, root.Close())
}

type recoverer struct {
	ctx     context.Context
	s       Store
	outside outside
	back    []string
}

func (r *recoverer) dir(d vfs.Dir, path []string, trees []object.ID) error {
	names, err := d.Names()
	if err != nil {
		return nil // unreadable: the scan reports it
	}
	for _, name := range names {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		st, err := d.Lstat(name)
		if err != nil || r.outside.name(join(path, name), st.IsDir()) {
			continue
		}
		switch {
		case strings.HasPrefix(name, swapPrefix):
			err = r.swapped(d, path, name, st, trees)
		case st.IsDir():
			err = r.subdir(d, path, name, st, trees)
		case strings.HasPrefix(name, newPrefix):
			err = d.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *recoverer) subdir(d vfs.Dir, path []string, name string, st vfs.Stat, trees []object.ID) error {
	sub, err := d.OpenDir(name)
	if err != nil {
		return nil // unreadable, or gone
	}
	below := make([]object.ID, len(trees))
	mode := st.Mode
	for i, t := range trees {
		e, ok, err := r.lookup(t, name)
		if err != nil {
			return errors.Join(err, sub.Close())
		}
		if ok && e.Kind == object.Dir {
			below[i] = e.Tree
			if mode == st.Mode && e.Mode != st.Mode && e.Mode|0o700 == st.Mode {
				mode = e.Mode
			}
		}
	}
	err = errors.Join(r.dir(sub, join(path, name), below), sub.Close())
	if err == nil && mode != st.Mode {
		err = d.Chmod(name, mode)
	}
	return err
}

func (r *recoverer) lookup(tree object.ID, name string) (object.Entry, bool, error) {
	if tree.IsZero() {
		return object.Entry{}, false, nil
	}
	return object.Lookup(r.ctx, r.s, tree, name)
}

func (r *recoverer) swapped(d vfs.Dir, path []string, name string, st vfs.Stat, trees []object.ID) error {
	known, err := r.known(d, name, st, trees)
	if err != nil {
		return err
	}
	if known {
		return d.Remove(name)
	}
	to := recoveredName(name)
	if err := errors.Join(d.RenameNew(name, to), d.Sync()); err != nil {
		return err
	}
	r.back = append(r.back, strings.Join(join(path, to), "/"))
	return nil
}

// known reports whether a tree holds what stands at a name. A directory never
// was bsv's to move.
func (r *recoverer) known(d vfs.Dir, name string, st vfs.Stat, trees []object.ID) (bool, error) {
	var e object.Entry
	switch e.Kind = kindOf(st); e.Kind {
	case object.Symlink:
		t, err := d.Readlink(name)
		if err != nil {
			return false, err
		}
		e.Target = t
	case object.File:
		f, err := openFile(d, name, st)
		if err != nil {
			return false, err
		}
		c, n, err := r.s.WriteFile(r.ctx, &source{f: f, left: st.Size + 1}, st.Size)
		if err = errors.Join(err, f.Close()); err != nil {
			return false, err
		}
		e.Content, e.Size = c, n
	default:
		return false, nil
	}
	for _, t := range trees {
		if t.IsZero() {
			continue
		}
		for x, err := range object.Entries(r.ctx, r.s, t, "") {
			if err != nil {
				return false, err
			}
			if x.Kind == e.Kind && x.SameContent(e) {
				return true, nil
			}
		}
	}
	return false, nil
}
