package worktree

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
)

// mkdir makes a directory where nothing, or an expected file, stands. Its
// owner may work in it until the end, which the step then says.
func (a *applier) mkdir(at opened, name string, s *Step) error {
	made := *s.To
	made.Mode = a.mode(made.Mode, 0) | 0o700
	s.To = &made
	before, err := at.d.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.From != nil: // deleted, and no snapshot knows
		return a.replan(*s)
	case errors.Is(err, fs.ErrNotExist):
		err = at.d.Mkdir(name, made.Mode)
		if errors.Is(err, fs.ErrExist) {
			return a.replan(*s)
		}
	case err == nil && before.IsDir():
		made.Mode = before.Mode
		return nil
	case err == nil:
		err = a.displace(at, name, *s, before)
	}
	if err != nil {
		return err
	}
	a.touched.dir(s.Path[:len(s.Path)-1], at.dev)
	a.touched.dir(s.Path, at.dev)
	a.o.Fault.Hit("apply.mkdir")
	return nil
}

// displace puts a directory where a file or link stands, in one step where the
// file system can: a name that is gone for a moment reads as deleted after a
// crash.
func (a *applier) displace(at opened, name string, s Step, before vfs.Stat) error {
	d := at.d
	if ig, err := a.ignored(s.Path, false); err != nil || ig {
		return errors.Join(err, errSkip)
	}
	ok, err := a.expected(d, name, s, before)
	if err != nil {
		return err
	}
	if !ok {
		return a.inTheWay(at, s.Path, before)
	}
	full := tempName(swapPrefix)
	if err := d.Mkdir(full, a.mode(s.To.Mode, 0)); err != nil {
		return err
	}
	ours, err := d.Lstat(full)
	if err == nil {
		err = d.Exchange(full, name)
	}
	if err != nil {
		err = errors.Join(err, d.Remove(full))
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return a.displaceAside(d, name, s, before)
		case errors.Is(err, fs.ErrNotExist): // deleted since the look
			return a.replan(s)
		}
		return err
	}
	if err := a.lookBack(d, full, name, s, before, ours); err != nil {
		return err
	}
	return d.Sync() // before anything is in it: it must not come back under the other name
}

// displaceAside does without an exchange.
func (a *applier) displaceAside(d vfs.Dir, name string, s Step, before vfs.Stat) error {
	aside, err := a.moveAside(d, name, before, s)
	if err != nil {
		return err
	}
	err = d.Mkdir(name, a.mode(s.To.Mode, 0))
	if errors.Is(err, fs.ErrExist) { // a new file stands there already
		return errors.Join(a.replan(s), a.removeKnown(d, aside))
	}
	if err != nil {
		return errors.Join(err, a.giveBack(d, aside, name))
	}
	return a.removeKnown(d, aside)
}

// rmdir removes a directory that is empty by now. Ignored files stay, and so
// does their directory, which the next scan leaves out; what a person put
// there meanwhile it finds.
func (a *applier) rmdir(at opened, name string, s Step) error {
	if err := a.leave(min(len(a.chain), len(s.Path)-1)); err != nil {
		return err
	}
	if a.failed[strings.Join(s.Path, "/")] {
		return errSkip
	}
	err := at.d.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		if st, serr := at.d.Lstat(name); serr == nil && !st.IsDir() {
			return a.inTheWay(at, s.Path, st)
		}
		if !notEmpty(at.d, name) {
			return err
		}
		return nil
	}
	a.o.Fault.Hit("apply.rmdir")
	delete(a.loose, strings.Join(s.Path, "/"))
	a.touched.dir(s.Path[:len(s.Path)-1], at.dev)
	return nil
}

func notEmpty(d vfs.Dir, name string) bool {
	sub, err := d.OpenDir(name)
	if err != nil {
		return false
	}
	defer sub.Close()
	list, err := sub.Names()
	return err == nil && len(list) > 0
}

// setDir gives a directory its mode and time, after all below it is done.
func (a *applier) setDir(s Step) error {
	at, err := a.parent(s.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	name := s.Path[len(s.Path)-1]
	st, err := at.d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !st.IsDir() {
		return a.inTheWay(at, s.Path, st)
	}
	mode := a.mode(s.To.Mode, st.Mode)
	delete(a.loose, strings.Join(s.Path, "/"))
	if mode&0o700 != 0o700 { // what lies below may still need it
		a.loose[strings.Join(s.Path, "/")] = mode
		mode |= 0o700
	}
	if err == nil {
		err = at.d.Chtimes(name, s.To.MTime)
	}
	if err == nil && st.Mode != mode {
		err = at.d.Chmod(name, mode)
	}
	if err != nil {
		return err
	}
	a.o.Fault.Hit("apply.setdir")
	a.touched.dir(s.Path, at.dev)
	a.stepDone(s)
	return nil
}
