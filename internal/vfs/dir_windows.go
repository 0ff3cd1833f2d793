package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// WholeSync: files are flushed one by one.
const WholeSync = false

const errQuota = syscall.EDQUOT

// osDir is an opened directory.
type osDir struct{ root *os.Root }

// OpenDir opens a directory by its path, through links: the person chose it.
func (OS) OpenDir(name string) (Dir, error) {
	r, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &osDir{r}, nil
}

func (d *osDir) Close() error { return d.root.Close() }

// OpenDir opens what lstat saw: os.Root would follow a link inside of itself.
func (d *osDir) OpenDir(name string) (Dir, error) {
	before, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, pathError("open", name, ErrNotDir)
	}
	r, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	sub := &osDir{r}
	after, err := sub.Stat()
	if err == nil && !before.Is(after) {
		err = pathError("open", name, ErrNotDir)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return sub, nil
}

func (d *osDir) Names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

func statOf(fi fs.FileInfo) Stat {
	t := fi.ModTime()
	ns, cut := nanoseconds(t.Unix(), int64(t.Nanosecond()))
	return Stat{Type: fi.Mode().Type(), Mode: uint16(fi.Mode().Perm()), Size: fi.Size(), MTime: ns, TimeCut: cut, info: fi}
}

func (d *osDir) Stat() (Stat, error) {
	fi, err := d.root.Stat(".")
	if err != nil {
		return Stat{}, err
	}
	return statOf(fi), nil
}

func (d *osDir) Lstat(name string) (Stat, error) {
	if err := checkName("lstat", name); err != nil {
		return Stat{}, err
	}
	fi, err := d.root.Lstat(name)
	if err != nil {
		return Stat{}, err
	}
	return statOf(fi), nil
}

func (d *osDir) Writable() bool { return true }

func (d *osDir) Open(name string) (Handle, error) {
	before, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	h := &osHandle{f, d, name}
	after, err := h.Stat()
	if err == nil && (!after.IsRegular() || !before.Is(after)) {
		err = pathError("open", name, ErrNotFile)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

func (d *osDir) Create(name string) (Handle, error) {
	if err := checkName("create", name); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &osHandle{f, d, name}, nil
}

func (d *osDir) Readlink(name string) (string, error) {
	if err := checkName("readlink", name); err != nil {
		return "", err
	}
	return d.root.Readlink(name)
}

func (d *osDir) Symlink(target, name string) error {
	if err := checkName("symlink", name); err != nil {
		return err
	}
	return linkError(d.root.Symlink(target, name))
}

// linkError gives all errors one form.
func linkError(err error) error {
	var le *os.LinkError
	if errors.As(err, &le) {
		return pathError(le.Op, le.New, le.Err)
	}
	return err
}

func (d *osDir) Mkdir(name string, mode uint16) error {
	if err := checkName("mkdir", name); err != nil {
		return err
	}
	return d.root.Mkdir(name, fs.FileMode(mode&0o777))
}

func (d *osDir) Remove(name string) error {
	if err := checkName("remove", name); err != nil {
		return err
	}
	return d.root.Remove(name)
}

func (d *osDir) Rename(from, to string) error {
	if err := checkNames("rename", from, to); err != nil {
		return err
	}
	return linkError(d.root.Rename(from, to))
}

// RenameNew makes a second name first, which fails if it is taken.
func (d *osDir) RenameNew(from, to string) error {
	if err := checkNames("rename", from, to); err != nil {
		return err
	}
	err := linkError(d.root.Link(from, to))
	switch {
	case err == nil:
		return d.Remove(from)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := d.Lstat(to); err == nil { // no hard links here
		return pathError("rename", to, fs.ErrExist)
	}
	return d.Rename(from, to)
}

func (d *osDir) Exchange(a, b string) error {
	return pathError("exchange", b, errors.ErrUnsupported)
}

func (d *osDir) Chmod(name string, mode uint16) error {
	if err := checkName("chmod", name); err != nil {
		return err
	}
	return d.root.Chmod(name, fs.FileMode(mode&0o777))
}

// Chtimes leaves links alone: they keep the time of their making.
func (d *osDir) Chtimes(name string, mtime int64) error {
	st, err := d.Lstat(name)
	if err != nil || st.Type == fs.ModeSymlink {
		return err
	}
	t := time.Unix(0, mtime)
	return d.root.Chtimes(name, t, t)
}

// Sync: the system has no such thing for directories.
func (d *osDir) Sync() error { return nil }

func (d *osDir) SyncAll() error { return nil }

type osHandle struct {
	*os.File
	d    *osDir
	name string
}

func (h *osHandle) Stat() (Stat, error) {
	fi, err := h.File.Stat()
	if err != nil {
		return Stat{}, err
	}
	return statOf(fi), nil
}

func (h *osHandle) Chmod(mode uint16) error { return h.File.Chmod(fs.FileMode(mode & 0o777)) }

// Chtimes goes by the handle: a time that is set by it stays when it closes.
func (h *osHandle) Chtimes(mtime int64) error {
	t := syscall.NsecToFiletime(mtime)
	return pathErrorIf("chtimes", h.name, syscall.SetFileTime(syscall.Handle(h.Fd()), nil, nil, &t))
}

// Sync flushes; a handle that was opened for reading cannot.
func (h *osHandle) Sync() error {
	if err := h.File.Sync(); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

func pathErrorIf(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return pathError(op, name, err)
}
