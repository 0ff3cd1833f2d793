package worktree

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// swap puts a written file at its name, after a look at what is displaced.
func (a *applier) swap(w *write) error {
	s, d := w.step, w.at.d
	name := s.Path[len(s.Path)-1]
	ours, err := d.Lstat(w.temp)
	if err != nil {
		return err
	}
	w.ours = ours
	before, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		// Absent: right when nothing is materialised there; otherwise somebody
		// deleted it and no snapshot knows.
		if s.From != nil {
			return a.replan(s)
		}
		err = d.RenameNew(w.temp, name)
		if errors.Is(err, fs.ErrExist) {
			return a.replan(s)
		}
		a.o.Fault.Hit("apply.placed")
		return err
	}
	if err != nil {
		return err
	}
	ok, err := a.expected(d, name, s, before)
	if err != nil {
		return err
	}
	if !ok {
		same, err := a.already(d, name, s.To, before)
		if err != nil {
			return err
		}
		if !same {
			return a.inTheWay(w.at, s.Path, before)
		}
		if err := d.Remove(w.temp); err != nil { // the disk has it already
			return err
		}
		w.temp = ""
		w.ours, err = a.setMeta(w.at, s, before)
		return err
	}
	// From here on the temporary name may hold what was displaced.
	full := tempName(swapPrefix)
	if err := d.Rename(w.temp, full); err != nil {
		return err
	}
	w.temp = full
	a.o.Fault.Hit("apply.swap")
	err = d.Exchange(full, name)
	if errors.Is(err, errors.ErrUnsupported) {
		return a.swapAside(w, name, full, before)
	}
	if errors.Is(err, fs.ErrNotExist) { // deleted since the look
		return a.replan(s)
	}
	if err != nil {
		return err
	}
	w.temp = ""
	return a.lookBack(d, full, name, s, before, ours)
}

// lookBack looks at what an exchange displaced and removes it if it is what
// was there before.
func (a *applier) lookBack(d vfs.Dir, full, name string, s Step, before, ours vfs.Stat) error {
	a.o.Fault.Hit("apply.exchanged")
	after, err := d.Lstat(full)
	if err == nil && sameFile(before, after) {
		return a.removeKnown(d, full)
	}
	if err == nil { // saved between the look and the swap
		err = a.replan(s)
	}
	return errors.Join(err, a.exchangeBack(d, full, name, ours))
}

// exchangeBack undoes an exchange. What then is not as bsv wrote it is a
// person's, who saved once more.
func (a *applier) exchangeBack(d vfs.Dir, full, name string, ours vfs.Stat) error {
	err := d.Exchange(full, name)
	if errors.Is(err, fs.ErrNotExist) {
		return a.giveBack(d, full, name)
	}
	if err != nil {
		a.res.Left = true
		return err
	}
	st, err := d.Lstat(full)
	if err == nil && sameFile(st, ours) {
		return a.removeKnown(d, full)
	}
	if err != nil {
		a.res.Left = true
		return err
	}
	return a.giveBack(d, full, recoveredName(full))
}

// giveBack puts what was renamed aside at its name again, or, if that is taken
// meanwhile, under a name of its own.
func (a *applier) giveBack(d vfs.Dir, aside, name string) error {
	err := d.RenameNew(aside, name)
	if errors.Is(err, fs.ErrExist) {
		err = d.RenameNew(aside, recoveredName(aside))
	}
	if err != nil {
		a.res.Left = true
	}
	return err
}

// removeKnown removes what was displaced and looked at.
func (a *applier) removeKnown(d vfs.Dir, aside string) error {
	err := d.Remove(aside)
	if err != nil {
		a.res.Left = true
	}
	a.o.Fault.Hit("apply.removed")
	return err
}

func recoveredName(aside string) string {
	return recoveredPrefix + strings.TrimPrefix(aside, swapPrefix)
}

// swapAside does without an exchange: the old file is renamed aside first.
func (a *applier) swapAside(w *write, name, full string, before vfs.Stat) error {
	d := w.at.d
	aside, err := a.moveAside(d, name, before, w.step)
	if err != nil {
		return err
	}
	err = d.RenameNew(full, name)
	if errors.Is(err, fs.ErrExist) { // a new file stands there already
		return errors.Join(a.replan(w.step), a.removeKnown(d, aside))
	}
	if err != nil {
		return errors.Join(err, a.giveBack(d, aside, name))
	}
	w.temp = ""
	a.o.Fault.Hit("apply.placed")
	return a.removeKnown(d, aside)
}

// moveAside renames what was looked at, and gives it back if it is something
// else by then.
func (a *applier) moveAside(d vfs.Dir, name string, before vfs.Stat, s Step) (string, error) {
	aside := tempName(swapPrefix)
	if err := d.Rename(name, aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // deleted since the look
			return "", a.replan(s)
		}
		return "", err
	}
	a.o.Fault.Hit("apply.aside")
	after, err := d.Lstat(aside)
	if err == nil && !sameFile(before, after) {
		err = a.replan(s)
	}
	if err != nil {
		return "", errors.Join(err, a.giveBack(d, aside, name))
	}
	return aside, nil
}

// expected reports whether what stands at a name is what is materialised
// there: by the stat cache, or by content. st is what lstat said before.
func (a *applier) expected(d vfs.Dir, name string, s Step, st vfs.Stat) (bool, error) {
	if s.From == nil || kindOf(st) != s.From.Kind {
		return false, nil
	}
	if a.res.Written.displaced(strings.Join(s.Path, "/"), st, *s.From) {
		return true, nil
	}
	dir := strings.Join(s.Path[:len(s.Path)-1], "/")
	if b, err := a.o.Memory.Row(a.o.Mapping.Path, dir); err == nil && b != nil {
		if r, err := decodeRow(b); err == nil {
			if n := r.find(s.Path[len(s.Path)-1]); n != nil && n.same(st) {
				if e, ok, err := object.Lookup(a.ctx, a.o.Store, r.tree, n.name); err == nil && ok && e.SameContent(*s.From) {
					return true, nil
				}
			}
		}
	}
	return a.already(d, name, s.From, st)
}

// already reports whether the name holds an entry's content. st is what lstat
// said before.
func (a *applier) already(d vfs.Dir, name string, e *object.Entry, st vfs.Stat) (bool, error) {
	return holds(a.ctx, a.o.Store, d, name, e, st)
}

// holds reports whether what stands at a name is of an entry's kind and has its
// content, or its target. st is what lstat said before.
func holds(ctx context.Context, store Store, d vfs.Dir, name string, e *object.Entry, st vfs.Stat) (bool, error) {
	if kindOf(st) != e.Kind {
		return false, nil
	}
	switch e.Kind {
	case object.Symlink:
		t, err := d.Readlink(name)
		return t == e.Target, err
	case object.File:
		if uint64(st.Size) != e.Size {
			return false, nil
		}
		f, err := openFile(d, name, st)
		if errors.Is(err, errChanged) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		c, _, err := store.WriteFile(ctx, &source{f: f, left: st.Size + 1}, st.Size)
		return c == e.Content, errors.Join(err, f.Close())
	}
	return false, nil
}

// delete renames aside, looks, and removes.
func (a *applier) delete(at opened, name string, s Step) error {
	d := at.d
	before, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if ig, err := a.ignored(s.Path, before.IsDir()); err != nil || ig {
		return err
	}
	if s.Rest {
		// What they ignore stays, and nobody said that it is not ignored any more.
		names, err := d.Names()
		if err != nil {
			return err
		}
		if len(names) > 1 {
			return errSkip
		}
	}
	ok, err := a.expected(d, name, s, before)
	if err != nil {
		return err
	}
	if !ok {
		return a.inTheWay(at, s.Path, before)
	}
	aside, err := a.moveAside(d, name, before, s)
	if err != nil {
		return err
	}
	if err := d.Remove(aside); err != nil {
		return errors.Join(err, a.giveBack(d, aside, name))
	}
	a.o.Fault.Hit("apply.deleted")
	a.touched.dir(s.Path[:len(s.Path)-1], at.dev)
	if name == ignoreName {
		delete(a.rules, strings.Join(s.Path[:len(s.Path)-1], "/"))
	}
	a.res.Change.Deleted++
	a.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "apply", Path: a.virtual(s.Path), Files: 1})
	return nil
}

// meta sets mode and times of a file whose content is right.
func (a *applier) meta(at opened, name string, s Step) error {
	st, err := at.d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return a.replan(s)
	}
	if err != nil {
		return err
	}
	ok, err := a.expected(at.d, name, s, st)
	if err != nil {
		return err
	}
	if !ok {
		return a.inTheWay(at, s.Path, st)
	}
	ours, err := a.setMeta(at, s, st)
	if err != nil {
		return err
	}
	a.o.Fault.Hit("apply.meta")
	a.res.Change.Updated++
	a.remember(at.d, s, ours)
	return nil
}

// setMeta gives a file that is right its mode and time, and a link its time. It
// returns what may be remembered of a file: nothing when its time was set, since
// what somebody wrote into it meanwhile shows no more.
func (a *applier) setMeta(at opened, s Step, seen vfs.Stat) (ours vfs.Stat, err error) {
	name := s.Path[len(s.Path)-1]
	if s.To.Kind != object.File {
		return ours, at.d.Chtimes(name, s.To.MTime)
	}
	a.touched.file(s.Path, at.dev)
	mode := a.mode(s.To.Mode, seen.Mode)
	f, err := openFile(at.d, name, seen) // another one that is saved at this name keeps its own
	switch {
	case errors.Is(err, errChanged), errors.Is(err, fs.ErrNotExist), errors.Is(err, vfs.ErrNotFile):
		return ours, a.replan(s)
	case errors.Is(err, fs.ErrPermission): // its owner may set what he may not read
		if mode != seen.Mode {
			err = at.d.Chmod(name, mode)
		} else {
			err = nil
		}
		if err == nil {
			err = at.d.Chtimes(name, s.To.MTime)
		}
		return ours, err
	case err != nil:
		return ours, err
	}
	if st, serr := f.Stat(); serr != nil || !sameFile(st, seen) {
		return ours, errors.Join(cmp.Or(serr, a.replan(s)), f.Close())
	}
	if mode != seen.Mode || s.From != nil && (s.From.Mode^s.To.Mode)&identityBits != 0 { // if only to show that the stat cache no longer holds
		err = f.Chmod(mode)
	}
	if err == nil && seen.MTime != s.To.MTime {
		err = f.Chtimes(s.To.MTime)
	} else if err == nil {
		ours, err = f.Stat()
		if !sameFile(ours, seen) {
			ours = vfs.Stat{}
		}
	}
	return ours, errors.Join(err, f.Close())
}
