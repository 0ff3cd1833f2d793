package worktree

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
)

// opened is a directory that is open, with its name in the one above.
type opened struct {
	name string
	d    vfs.Dir
	dev  uint64
}

// maxRetired bounds the open directories.
const maxRetired = 256

func (a *applier) close() error {
	errs := []error{a.leave(0)}
	for _, d := range a.retired {
		errs = append(errs, d.Close())
	}
	return errors.Join(append(errs, a.root.d.Close())...)
}

// leave closes all but some of the chain. Files of the batch may still use a
// directory.
func (a *applier) leave(keep int) error {
	var errs []error
	for _, x := range a.chain[keep:] {
		if slices.ContainsFunc(a.batch, func(w *write) bool { return w.at.d == x.d }) {
			a.retired = append(a.retired, x.d)
		} else {
			errs = append(errs, x.d.Close())
		}
	}
	a.chain = a.chain[:keep]
	return errors.Join(errs...)
}

// parent opens the directory that holds a path, reusing what is open.
func (a *applier) parent(path []string) (opened, error) {
	want := path[:len(path)-1]
	keep := 0
	for keep < len(want) && keep < len(a.chain) && a.chain[keep].name == want[keep] {
		keep++
	}
	if err := a.leave(keep); err != nil {
		return opened{}, err
	}
	if len(a.retired) > maxRetired {
		if err := a.flush(); err != nil {
			return opened{}, err
		}
	}
	at := a.root
	if keep > 0 {
		at = a.chain[keep-1]
	}
	for i := keep; i < len(want); i++ {
		next, err := a.enter(at, want[:i+1])
		if err != nil {
			return opened{}, err
		}
		a.chain = append(a.chain, next)
		at = next
	}
	return at, nil
}

// enter opens a subdirectory to change names in it. One that its owner may not
// change is made writable until the end.
func (a *applier) enter(at opened, path []string) (opened, error) {
	name := path[len(path)-1]
	d, err := at.d.OpenDir(name)
	if errors.Is(err, fs.ErrPermission) && !a.closing {
		if st, serr := at.d.Lstat(name); serr == nil && st.IsDir() && st.Mode&0o500 != 0o500 {
			if err = a.loosen(at, path, st.Mode); err == nil {
				d, err = at.d.OpenDir(name)
			}
		}
	}
	if errors.Is(err, vfs.ErrNotDir) {
		st, serr := at.d.Lstat(name)
		if serr != nil {
			return opened{}, serr
		}
		return opened{}, a.inTheWay(at, path, st)
	}
	if err != nil {
		return opened{}, err
	}
	st, err := d.Stat()
	if err == nil && st.Dev == at.dev {
		err = a.mounted(d, path)
	}
	if err == nil && st.Mode&0o300 != 0o300 && !a.closing && !d.Writable() {
		err = a.loosen(at, path, st.Mode)
	}
	if err != nil {
		return opened{}, errors.Join(err, d.Close())
	}
	return opened{name, d, st.Dev}, nil
}

func (a *applier) loosen(at opened, path []string, mode uint16) error {
	if err := at.d.Chmod(path[len(path)-1], mode|0o700); err != nil {
		return err
	}
	a.o.Fault.Hit("apply.loosened")
	rel := strings.Join(path, "/")
	if _, ok := a.loose[rel]; !ok {
		a.loose[rel] = mode
	}
	a.touched.dir(path, at.dev)
	return nil
}

// tighten gives the directories that were made writable their modes, those
// farthest down first.
func (a *applier) tighten() error {
	a.closing = true
	paths := slices.SortedFunc(maps.Keys(a.loose), func(x, y string) int {
		return cmp.Or(strings.Count(y, "/")-strings.Count(x, "/"), strings.Compare(x, y))
	})
	var errs []error
	for _, rel := range paths {
		path := strings.Split(rel, "/")
		name := path[len(path)-1]
		at, err := a.parent(path)
		var st vfs.Stat
		if err == nil {
			st, err = at.d.Lstat(name)
		}
		if err == nil && st.IsDir() {
			err = at.d.Chmod(name, a.loose[rel])
		}
		if err != nil && !gone(err) && !errors.Is(err, ErrReplan) {
			a.res.Left = true // Recover knows the mode
			errs = append(errs, a.trouble(Step{Op: OpSetDir, Path: path}, err))
		}
	}
	clear(a.loose)
	return errors.Join(errs...)
}

// inTheWay says what it means that something unknown stands at a path: what
// no snapshot will ever take is a problem or left alone, of everything else a
// snapshot is due.
func (a *applier) inTheWay(at opened, path []string, st vfs.Stat) error {
	name := path[len(path)-1]
	if kindOf(st) == 0 {
		return &fs.PathError{Op: "look", Path: name, Err: errSpecial}
	}
	if a.outside.path(path, st.IsDir()) {
		return errSkip
	}
	if ig, err := a.ignored(path, st.IsDir()); err != nil || ig {
		return errors.Join(err, errSkip)
	}
	if st.IsDir() {
		if kept, err := a.allKept(at.d, path); err != nil || kept {
			return errors.Join(err, &fs.PathError{Op: "look", Path: name, Err: errKept})
		}
	}
	return a.replan(Step{Path: path})
}

// allKept reports whether all that stands in a directory is nothing that a
// snapshot takes.
func (a *applier) allKept(d vfs.Dir, path []string) (bool, error) {
	sub, err := d.OpenDir(path[len(path)-1])
	if err != nil {
		return false, err
	}
	defer sub.Close()
	names, err := sub.Names()
	for _, name := range names {
		if reserved(name) {
			continue
		}
		p := join(path, name)
		st, err := sub.Lstat(name)
		if err != nil {
			return false, err
		}
		ig, err := a.ignored(p, st.IsDir())
		if err == nil && !ig && !a.outside.name(p, st.IsDir()) && kindOf(st) != 0 {
			if !st.IsDir() {
				return false, nil
			}
			ig, err = a.allKept(sub, p)
			if err == nil && !ig {
				return false, nil
			}
		}
		if err != nil {
			return false, err
		}
	}
	return len(names) > 0 && err == nil, err
}

// maxRules bounds the ignore rules that are remembered.
const maxRules = 1024

// ignored reports whether the ignore files on disk leave a path out: what is
// ignored is not ours to change.
func (a *applier) ignored(path []string, dir bool) (bool, error) {
	var stack *ignoreStack
	for i := range path {
		rules, err := a.rulesOf(path[:i])
		if err != nil {
			return false, err
		}
		stack = stack.with(path[:i], rules)
		if stack.ignored(path[:i+1], dir || i < len(path)-1) {
			return true, nil
		}
	}
	return false, nil
}

func (a *applier) rulesOf(dir []string) (ignoreRules, error) {
	rel := strings.Join(dir, "/")
	if r, ok := a.rules[rel]; ok {
		return r, nil
	}
	var r ignoreRules
	err := at(a.root.d, rel, func(d vfs.Dir) (err error) {
		r, err = readIgnore(d)
		return err
	})
	if err != nil && !gone(err) {
		return r, err
	}
	if len(a.rules) >= maxRules {
		clear(a.rules)
	}
	a.rules[rel] = r
	return r, nil
}
