package worktree

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Recover cleans what an interrupted apply left in a mapping: unfinished
// writes go; what was being swapped gets its name back if that is free and goes
// if it is taken, when one of the trees holds it in the same directory, and
// otherwise comes back under a name of its own;
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

// RecoverTarget is Recover for a directory that a person named as a target. What
// is not in the tree that is wanted there belongs to others: it looks only
// where the tree has directories, or something else in the place of one, unless
// all is to be what the tree is. In mapped ones it does not look at all, and it
// leaves the modes to the apply.
func RecoverTarget(ctx context.Context, m Mapping, s Store, tree object.ID, all bool) (back []string, err error) {
	root, err := m.openRoot()
	if err != nil {
		return nil, err
	}
	r := &recoverer{ctx: ctx, s: s, outside: m.outside(), target: true, all: all}
	err = r.dir(root, nil, []object.ID{tree})
	return r.back, errors.Join(err, root.Close())
}

// RemoveUnfinished removes the unfinished writes in a directory, and not below.
func RemoveUnfinished(dir string) error {
	root, err := Mapping{Dir: dir}.openRoot()
	if err != nil {
		return err
	}
	names, err := root.Names()
	for _, name := range names {
		if !Unfinished(name) {
			continue
		}
		if st, serr := root.Lstat(name); serr == nil && !st.IsDir() {
			err = errors.Join(err, root.Remove(name))
		}
	}
	return errors.Join(err, root.Close())
}

// Unfinished reports whether a name is of a write that has not come to its end.
func Unfinished(name string) bool { return isTemp(name, newPrefix) }

type recoverer struct {
	ctx     context.Context
	s       Store
	outside outside
	target  bool // only what the trees have
	all     bool // and what stands beside it
	back    []string
}

func (r *recoverer) dir(d vfs.Dir, path []string, trees []object.ID) error {
	names, err := d.Names()
	if err != nil {
		return nil // unreadable: the scan reports it
	}
	if r.target && slices.Contains(names, markerName) {
		return nil // mapped: whoever maps it cleans it
	}
	cleaned := false
	for _, name := range names {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		st, err := d.Lstat(name)
		if err != nil || r.outside.name(join(path, name), st.IsDir()) {
			continue
		}
		switch {
		case isTemp(name, swapPrefix):
			cleaned = true
			err = r.swapped(d, path, name, st, trees)
		case st.IsDir():
			err = r.subdir(d, path, name, st, trees)
		case isTemp(name, newPrefix):
			cleaned = true
			err = d.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	if cleaned { // nobody comes back for what a crash would bring back
		return d.Sync()
	}
	return nil
}

func (r *recoverer) subdir(d vfs.Dir, path []string, name string, st vfs.Stat, trees []object.ID) error {
	below := make([]object.ID, len(trees))
	mode, right := st.Mode, false
	ours := r.all
	for i, t := range trees {
		e, ok, err := r.lookup(t, name)
		if err != nil {
			return err
		}
		ours = ours || ok
		if ok && e.Kind == object.Dir {
			below[i] = e.Tree
			right = right || e.Mode == st.Mode
			if mode == st.Mode && e.Mode|0o700 == st.Mode {
				mode = e.Mode
			}
		}
	}
	if r.target && !ours {
		return nil
	}
	if right || r.target {
		mode = st.Mode
	}
	now := st.Mode
	sub, err := r.open(d, name, &now)
	if err != nil {
		return nil // unreadable, or gone: the scan reports it
	}
	err = r.dir(sub, join(path, name), below)
	if mode != now {
		err = errors.Join(err, d.Chmod(name, mode), sub.Sync())
	}
	return errors.Join(err, sub.Close())
}

// open opens a subdirectory and, where there is something to clean, makes it
// writable: the crash may have kept what an apply made and lost the mode that
// allowed it.
func (r *recoverer) open(d vfs.Dir, name string, mode *uint16) (vfs.Dir, error) {
	sub, err := d.OpenDir(name)
	if err == nil && !sub.Writable() {
		var names []string
		if names, err = sub.Names(); err == nil && slices.ContainsFunc(names, func(n string) bool { return isTemp(n, newPrefix) || isTemp(n, swapPrefix) }) {
			err = d.Chmod(name, *mode|0o700)
			*mode |= 0o700
		}
		if err != nil {
			return nil, errors.Join(err, sub.Close())
		}
	}
	if !errors.Is(err, fs.ErrPermission) || *mode&0o500 == 0o500 {
		return sub, err
	}
	if err := d.Chmod(name, *mode|0o700); err != nil {
		return nil, err
	}
	*mode |= 0o700
	return d.OpenDir(name)
}

func (r *recoverer) lookup(tree object.ID, name string) (object.Entry, bool, error) {
	if tree.IsZero() {
		return object.Entry{}, false, nil
	}
	return object.Lookup(r.ctx, r.s, tree, name)
}

func (r *recoverer) swapped(d vfs.Dir, path []string, name string, st vfs.Stat, trees []object.ID) error {
	if st.IsDir() && d.Remove(name) == nil {
		return nil // empty: one that bsv made
	}
	names, err := r.known(d, name, st, trees)
	if err != nil {
		return err
	}
	for _, to := range names { // without an exchange the name itself may be free
		err := d.RenameNew(name, to)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if len(names) > 0 {
		return d.Remove(name)
	}
	to := recoveredName(name)
	err = d.RenameNew(name, to)
	if errors.Is(err, fs.ErrExist) { // a crash in the middle of the last recovery
		to = tempName(recoveredPrefix)
		err = d.RenameNew(name, to)
	}
	if err != nil {
		return err
	}
	r.back = append(r.back, strings.Join(join(path, to), "/"))
	return nil
}

// known is the names by which the trees hold what stands at a name. A
// directory with something in it never was bsv's to move.
func (r *recoverer) known(d vfs.Dir, name string, st vfs.Stat, trees []object.ID) ([]string, error) {
	var e object.Entry
	switch e.Kind = kindOf(st); e.Kind {
	case object.Symlink:
		t, err := d.Readlink(name)
		if err != nil {
			return nil, err
		}
		e.Target = t
	case object.File:
		f, err := openFile(d, name, st)
		if err != nil {
			return nil, err
		}
		c, n, err := r.s.WriteFile(r.ctx, &source{f: f, left: st.Size + 1}, st.Size)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		e.Content, e.Size = c, n
	default:
		return nil, nil
	}
	var names []string
	for _, t := range trees {
		if t.IsZero() {
			continue
		}
		for x, err := range object.Entries(r.ctx, r.s, t, "") {
			if err != nil {
				return nil, err
			}
			if x.Kind == e.Kind && x.SameContent(e) {
				names = append(names, x.Name)
			}
		}
	}
	return names, nil
}
