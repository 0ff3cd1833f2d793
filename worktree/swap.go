package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
)

// swap puts a written file at its name, after a look at what is displaced.
func (a *applier) swap(w *write) error {
	s := w.step
	name := s.Path[len(s.Path)-1]
	full := tempName(swapPrefix)
	if err := w.d.Rename(w.temp, full); err != nil {
		return err
	}
	w.temp = full
	a.o.Fault.Hit("apply.swap")
	_, err := w.d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		// Absent: right when nothing is materialised there; otherwise somebody
		// deleted it and no snapshot knows.
		if s.From != nil {
			return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
		}
		return noReplace(w.d, full, name)
	}
	if err != nil {
		return err
	}
	ok, err := a.expected(w.d, name, s, nil)
	if err != nil {
		return err
	}
	if !ok {
		if same, err := a.already(w.d, name, s.To); err != nil || !same {
			return errors.Join(err, fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan))
		}
		return errors.Join(w.d.Remove(full), a.setMeta(w.d, name, s.To)) // the disk has it already
	}
	before, err := w.d.Lstat(name)
	if err != nil {
		return err
	}
	err = w.d.exchange(full, name)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		return a.swapAside(w, name, full, before)
	}
	if err != nil {
		return err
	}
	a.o.Fault.Hit("apply.exchanged")
	after, err := w.d.Lstat(full)
	if err != nil {
		return err
	}
	if !sameFile(before, after) { // saved between the look and the swap: put it back
		return errors.Join(fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan), w.d.exchange(full, name))
	}
	return w.d.Remove(full)
}

// swapAside does without an exchange: the old file is renamed aside first.
func (a *applier) swapAside(w *write, name, full string, before fs.FileInfo) error {
	aside := tempName(swapPrefix)
	if err := w.d.Rename(name, aside); err != nil {
		return err
	}
	after, err := w.d.Lstat(aside)
	if err == nil && !sameFile(before, after) {
		err = fmt.Errorf("%s: %w", a.virtual(w.step.Path), ErrReplan)
	}
	if err != nil {
		return errors.Join(err, noReplace(w.d, aside, name))
	}
	if err := noReplace(w.d, full, name); err != nil {
		return errors.Join(err, noReplace(w.d, aside, name))
	}
	return w.d.Remove(aside)
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// noReplace renames without replacing: a link made first fails when the name
// is taken meanwhile.
func noReplace(d *directory, from, to string) error {
	if err := d.renameNew(from, to); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", to, ErrReplan)
		}
		return err
	}
	return nil
}

// expected reports whether what stands at a name is what is materialised
// there: by the stat cache, or by content.
func (a *applier) expected(d *directory, name string, s Step, fi fs.FileInfo) (bool, error) {
	if s.From == nil {
		return false, nil
	}
	if fi == nil {
		var err error
		if fi, err = d.Lstat(name); err != nil {
			return false, err
		}
	}
	if kindOf(fi) != s.From.Kind {
		return false, nil
	}
	if w, ok := a.res.Written.get(strings.Join(s.Path, "/")); ok && w.entry == *s.From && w.stat.sameDisplaced(fi) {
		return true, nil
	}
	dir := strings.Join(s.Path[:len(s.Path)-1], "/")
	if b, err := a.o.Memory.Row(a.o.Mapping.Path, dir); err == nil && b != nil {
		if r, err := decodeRow(b); err == nil {
			if n := r.find(s.Path[len(s.Path)-1]); n != nil && n.same(fi) {
				if e, ok, err := object.Lookup(a.ctx, a.o.Store, r.tree, n.name); err == nil && ok && e.SameContent(*s.From) {
					return true, nil
				}
			}
		}
	}
	return a.already(d, name, s.From)
}

// already reports whether the name holds an entry's content.
func (a *applier) already(d *directory, name string, e *object.Entry) (bool, error) {
	fi, err := d.Lstat(name)
	if err != nil {
		return false, err
	}
	if kindOf(fi) != e.Kind {
		return false, nil
	}
	switch e.Kind {
	case object.Symlink:
		t, err := d.Readlink(name)
		return t == e.Target, err
	case object.File:
		if uint64(fi.Size()) != e.Size {
			return false, nil
		}
		f, err := d.openFile(name, fi)
		if err != nil {
			return false, err
		}
		defer f.Close()
		c, _, err := a.o.Store.WriteFile(a.ctx, f, fi.Size())
		return c == e.Content, err
	}
	return false, nil
}

// mkdir makes a directory where nothing, or an expected file, stands.
func (a *applier) mkdir(d *directory, name string, s Step) error {
	if s.From != nil {
		if err := a.flush(); err != nil {
			return err
		}
		if err := a.delete(d, name, s); err != nil {
			return err
		}
	}
	err := d.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		if fi, serr := d.Lstat(name); serr == nil && fi.IsDir() {
			return nil
		}
		return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
	}
	return err
}

// delete renames aside, looks, and removes.
func (a *applier) delete(d *directory, name string, s Step) error {
	fi, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.ignored(s.Path) {
		return nil
	}
	ok, err := a.expected(d, name, s, fi)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
	}
	aside := tempName(swapPrefix)
	if err := d.Rename(name, aside); err != nil {
		return err
	}
	a.o.Fault.Hit("apply.aside")
	after, err := d.Lstat(aside)
	if err == nil && !sameFile(fi, after) {
		err = fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
	}
	if err != nil {
		return errors.Join(err, noReplace(d, aside, name))
	}
	if err := d.Remove(aside); err != nil {
		return err
	}
	a.res.Change.Deleted++
	a.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "apply", Path: a.virtual(s.Path), Files: 1})
	return nil
}

// ignored reports whether the ignore files on disk leave a path out: what is
// ignored is not ours to delete.
func (a *applier) ignored(path []string) bool {
	d := a.root
	var stack *ignoreStack
	for i := range path {
		if i > 0 {
			if i-1 >= len(a.dirs) {
				return false
			}
			d = a.dirs[i-1].d
		}
		if rules, err := readIgnore(d); err == nil {
			stack = stack.with(path[:i], rules)
		}
		if stack.ignored(path[:i+1], i < len(path)-1) {
			return true
		}
	}
	return false
}

// meta sets mode and times of a file whose content is right.
func (a *applier) meta(d *directory, name string, s Step) error {
	fi, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
	}
	if err != nil {
		return err
	}
	if ok, err := a.expected(d, name, s, fi); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan))
	}
	if err := a.setMeta(d, name, s.To); err != nil {
		return err
	}
	a.res.Change.Updated++
	a.remember(d, s)
	return nil
}

// setMeta works through an opened file, so that no link is followed.
func (a *applier) setMeta(d *directory, name string, e *object.Entry) error {
	if e.Kind == object.Symlink {
		return d.setLinkTime(name, e.MTime)
	}
	fi, err := d.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return errors.Join(err, fs.ErrInvalid)
	}
	if permOf(fi) != e.Mode {
		f, err := d.openFile(name, fi)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Chmod(fileMode(e.Mode)), f.Close()); err != nil {
			return err
		}
	}
	t := time.Unix(0, e.MTime)
	return d.Chtimes(name, t, t)
}

// setDir gives a directory its mode and time, after all below it is done.
func (a *applier) setDir(s Step) error {
	d, err := a.parent(s.Path)
	if err == nil {
		var sub *directory
		if sub, err = d.open(s.Path[len(s.Path)-1]); err == nil {
			t := time.Unix(0, s.To.MTime)
			err = errors.Join(sub.Chmod(".", fileMode(s.To.Mode)), sub.Chtimes(".", t, t), sub.Close())
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return a.trouble(s.Path, err)
}

// Recover cleans what an interrupted apply left in a mapping: unfinished
// writes go; a whole file that was being swapped goes when its content is
// among the entries that known holds for its directory, and otherwise comes
// back under a name of its own.
func Recover(m Mapping, known func(dir []string, name string, f *os.File, fi fs.FileInfo) (bool, error)) ([]string, error) {
	root, err := openRoot(m.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var back []string
	err = recoverDir(root, nil, known, &back)
	return back, err
}

func recoverDir(d *directory, path []string, known func([]string, string, *os.File, fs.FileInfo) (bool, error), back *[]string) error {
	list, err := d.names()
	if err != nil {
		return nil // unreadable: the scan reports it
	}
	for _, e := range list {
		name := e.Name()
		switch {
		case e.IsDir():
			sub, err := d.open(name)
			if err != nil {
				continue
			}
			err = errors.Join(recoverDir(sub, join(path, name), known, back), sub.Close())
			if err != nil {
				return err
			}
		case strings.HasPrefix(name, newPrefix):
			if err := d.Remove(name); err != nil {
				return err
			}
		case strings.HasPrefix(name, swapPrefix):
			if err := recoverSwap(d, path, name, known, back); err != nil {
				return err
			}
		}
	}
	return nil
}

func recoverSwap(d *directory, path []string, name string, known func([]string, string, *os.File, fs.FileInfo) (bool, error), back *[]string) error {
	fi, err := d.Lstat(name)
	if err != nil {
		return err
	}
	ok := !fi.Mode().IsRegular() // links are small and stand in a tree
	if !ok {
		f, err := d.openFile(name, fi)
		if err != nil {
			return err
		}
		ok, err = known(path, name, f, fi)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if ok {
		return d.Remove(name)
	}
	to := "recovered-" + strings.TrimPrefix(name, swapPrefix)
	*back = append(*back, strings.Join(join(path, to), "/"))
	return noReplace(d, name, to)
}
