package worktree

import (
	"context"
	"errors"
	"io/fs"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// child is one name of a directory on its way into its tree.
type child struct {
	name  string
	seen  vfs.Stat
	entry *object.Entry // nil when it is lazy
	stat  rowName
	ok    bool // belongs to the tree
	left  bool // left out on purpose: ignored, excluded, hidden or special
	same  bool // as the row says
	lazy  bool // the entry is the one in the row's tree, not read yet
	tries int  // how often it was not there any more, and then was
}

// mostTries bounds how often a directory is read that somebody makes and removes
// all the time.
const mostTries = 3

// child fills in one name. An error is fatal; what concerns the name alone is
// a problem.
func (s *scanner) child(ctx context.Context, d vfs.Dir, path []string, c *child, old *row, src *sources, stack *ignoreStack) error {
	st, err := d.Lstat(c.name)
	if errors.Is(err, fs.ErrNotExist) {
		if e, ok, berr := src.baseEntry(c.name); s.outside.some() && (berr != nil || ok && s.outside.name(path, e.Kind == object.Dir)) {
			return errors.Join(berr, s.inherit(c, old, src)) // never applied here, so never deleted here
		}
		return nil // went away since it was listed
	}
	if err == nil {
		err = object.CheckName(c.name)
	}
	if err == nil {
		err = s.checkDepth(path)
	}
	if err != nil {
		s.problem(path, err)
		return s.inherit(c, old, src)
	}
	kind := kindOf(st)
	if stack.ignored(path, kind == object.Dir) {
		c.left = true
		return nil
	}
	if s.outside.name(path, kind == object.Dir) {
		c.left = true
		return s.inherit(c, old, src)
	}
	c.seen = st
	if st.TimeCut {
		s.notice(path, "its time lies beyond the years 1677 to 2262: the nearest is kept")
	}
	switch kind {
	case object.Dir:
		return s.subdir(ctx, d, path, c, old, src, stack)
	case object.File, object.Symlink:
		n := oldName(old, c.name)
		if n != nil && n.same(st) {
			c.stat, c.ok, c.same, c.lazy = *n, true, true, true
			return nil
		}
		return s.leaf(ctx, d, path, c, n, src)
	}
	c.left = true
	s.notice(path, "skipped: neither a file, a directory nor a link")
	return nil
}

func oldName(old *row, name string) *rowName {
	if old == nil {
		return nil
	}
	return old.find(name)
}

// inherit keeps what the tree held at the name.
func (s *scanner) inherit(c *child, old *row, src *sources) error {
	e, ok, err := src.baseEntry(c.name)
	if err != nil {
		return err
	}
	if ok {
		c.entry, c.ok = &e, true
		c.stat = rowName{name: c.name, kind: e.Kind, ctime: -1, tree: e.Tree, bytes: e.Size, size: int64(e.Size), mode: e.Mode, mtime: e.MTime}
		if c.stat.files, err = s.filesOf(src.ctx, e, oldName(old, c.name)); err != nil {
			return err
		}
	}
	return nil
}

// filesOf is how many files an entry is that is not looked at: as the row says,
// or counted.
func (s *scanner) filesOf(ctx context.Context, e object.Entry, n *rowName) (uint64, error) {
	switch {
	case e.Kind != object.Dir:
		return 1, nil
	case n != nil && n.kind == object.Dir && n.tree == e.Tree:
		return n.files, nil
	}
	files := uint64(0)
	for pe, err := range object.Walk(ctx, s.o.Store, e.Tree) {
		if err != nil { // the count is not worth a failed scan
			return files, ctx.Err()
		}
		if pe.Entry.Kind != object.Dir {
			files++
		}
	}
	return files, nil
}

func (s *scanner) subdir(ctx context.Context, d vfs.Dir, path []string, c *child, old *row, src *sources, stack *ignoreStack) error {
	n := oldName(old, c.name)
	cached := n != nil && n.kind == object.Dir && src.base == src.old
	var was object.Entry
	var had bool
	var below object.ID
	var err error
	if cached {
		below = n.tree
	} else {
		if was, had, err = src.baseEntry(c.name); err != nil {
			return err
		}
		if had && was.Kind == object.Dir {
			below = was.Tree
		}
	}
	s.o.Fault.Hit("scan.dir")
	sub, err := d.OpenDir(c.name)
	var r *row
	if err == nil {
		r, err = s.dir(ctx, sub, path, c.seen, c.seen.Dev != src.dev, below, stack)
		err = errors.Join(err, sub.Close())
	}
	if err != nil && (ctx.Err() != nil || !isPathError(err)) {
		return err
	}
	// What is gone while it is read went away since it was listed. Something else
	// of its name may be there by now, or only a file in it is gone: once more.
	if gone := errors.Is(err, fs.ErrNotExist); gone || err == nil && len(r.names) == 0 {
		_, now := d.Lstat(c.name)
		if errors.Is(now, fs.ErrNotExist) {
			return nil
		}
		if gone && now == nil && c.tries < mostTries {
			c.tries++
			return s.child(ctx, d, path, c, old, src, stack)
		}
	}
	if err != nil {
		s.problem(path, err)
		return s.inherit(c, old, src)
	}
	if r.bare && !cached && (!had || was.Kind != object.Dir) {
		c.left = true // nothing in it is bsv's, and nobody knows it: no new directory
		return nil
	}
	c.ok = true
	if cached && n.tree == r.tree && n.mode == c.seen.Mode && n.bytes == r.bytes {
		c.stat, c.same, c.lazy = *n, true, true
		return nil
	}
	if cached {
		if was, had, err = src.baseEntry(c.name); err != nil {
			return err
		}
	}
	c.entry = &object.Entry{Name: c.name, Kind: object.Dir, Tree: r.tree, Size: r.bytes, Mode: c.seen.Mode, MTime: c.seen.MTime}
	if had && was.Kind == object.Dir {
		c.entry.Xattrs, c.entry.Owner, c.entry.Mode = was.Xattrs, was.Owner, c.entry.Mode|was.Mode&identityBits
		// Its time alone is no change.
		if was.Tree == r.tree && was.Mode == c.entry.Mode {
			c.entry.MTime = was.MTime
		}
	}
	c.stat = rowName{name: c.name, kind: object.Dir, mode: c.entry.Mode, mtime: c.entry.MTime, tree: r.tree, bytes: r.bytes, files: r.files}
	c.same = n != nil && n.kind == object.Dir && n.tree == r.tree && n.mode == c.entry.Mode && n.mtime == c.entry.MTime && n.bytes == r.bytes
	if !c.same {
		s.touch(path, c.seen)
	}
	return nil
}
