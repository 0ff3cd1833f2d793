//go:build linux || darwin

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

const errQuota = syscall.EDQUOT

// osDir is a directory's descriptor.
type osDir struct {
	fd   int
	name string
}

// OpenDir opens a directory by its path, through links: the person chose it.
func (OS) OpenDir(name string) (Dir, error) {
	return openDir(unix.AT_FDCWD, name, 0)
}

func openDir(at int, name string, flags int) (Dir, error) {
	fd, err := openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|flags, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		err = ErrNotDir
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &osDir{fd, name}, nil
}

func openat(at int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(at, name, flags|unix.O_CLOEXEC, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// again repeats a call that a signal interrupted.
func again(op, name string, call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return pathError(op, name, err)
		}
	}
}

func (d *osDir) Close() error { return pathErrorIf("close", d.name, unix.Close(d.fd)) }

func pathErrorIf(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return pathError(op, name, err)
}

func (d *osDir) OpenDir(name string) (Dir, error) {
	if err := checkName("open", name); err != nil {
		return nil, err
	}
	return openDir(d.fd, name, unix.O_NOFOLLOW)
}

func statOf(st *unix.Stat_t) Stat {
	s := Stat{Mode: uint16(st.Mode & 0o7777), Size: st.Size, CTime: st.Ctim.Nano(), Inode: st.Ino, Dev: uint64(st.Dev)}
	s.MTime, s.TimeCut = nanoseconds(int64(st.Mtim.Sec), int64(st.Mtim.Nsec))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		s.Type = fs.ModeDir
	case unix.S_IFLNK:
		s.Type = fs.ModeSymlink
	case unix.S_IFIFO:
		s.Type = fs.ModeNamedPipe
	case unix.S_IFSOCK:
		s.Type = fs.ModeSocket
	default:
		s.Type = fs.ModeDevice
	}
	return s
}

func fstat(fd int, name string) (Stat, error) {
	var st unix.Stat_t
	if err := again("stat", name, func() error { return unix.Fstat(fd, &st) }); err != nil {
		return Stat{}, err
	}
	return statOf(&st), nil
}

func (d *osDir) Stat() (Stat, error) { return fstat(d.fd, d.name) }

func (d *osDir) Lstat(name string) (Stat, error) {
	if err := checkName("lstat", name); err != nil {
		return Stat{}, err
	}
	var st unix.Stat_t
	for {
		err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			return statOf(&st), nil
		}
		if err != unix.EINTR {
			return Stat{}, pathError("lstat", name, err)
		}
	}
}

func (d *osDir) Writable() bool {
	return unix.Faccessat(d.fd, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
}

func (d *osDir) Open(name string) (Handle, error) {
	if err := checkName("open", name); err != nil {
		return nil, err
	}
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		err = ErrNotFile
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	h := &osHandle{d, fd, name}
	st, err := h.Stat()
	if err == nil && !st.IsRegular() {
		err = pathError("open", name, ErrNotFile)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (d *osDir) Create(name string) (Handle, error) {
	if err := checkName("create", name); err != nil {
		return nil, err
	}
	fd, err := openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	return &osHandle{d, fd, name}, nil
}

func (d *osDir) Readlink(name string) (string, error) {
	if err := checkName("readlink", name); err != nil {
		return "", err
	}
	for size := 256; ; size *= 2 {
		b := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", pathError("readlink", name, err)
		}
		if n < size {
			return string(b[:n]), nil
		}
	}
}

func (d *osDir) Symlink(target, name string) error {
	if err := checkName("symlink", name); err != nil {
		return err
	}
	return again("symlink", name, func() error { return unix.Symlinkat(target, d.fd, name) })
}

func (d *osDir) Mkdir(name string, mode uint16) error {
	if err := checkName("mkdir", name); err != nil {
		return err
	}
	if err := again("mkdir", name, func() error { return unix.Mkdirat(d.fd, name, uint32(mode&0o777)) }); err != nil {
		return err
	}
	if st, err := d.Lstat(name); err != nil || st.Mode == mode { // the umask took nothing
		return err
	}
	return d.Chmod(name, mode)
}

func (d *osDir) Remove(name string) error {
	if err := checkName("remove", name); err != nil {
		return err
	}
	err := again("remove", name, func() error { return unix.Unlinkat(d.fd, name, 0) })
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	derr := again("remove", name, func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
	if derr == nil || !errors.Is(derr, unix.ENOTDIR) {
		return derr
	}
	return err
}

func (d *osDir) Rename(from, to string) error {
	if err := checkNames("rename", from, to); err != nil {
		return err
	}
	return again("rename", from, func() error { return unix.Renameat(d.fd, from, d.fd, to) })
}

func (d *osDir) RenameNew(from, to string) error {
	if err := checkNames("rename", from, to); err != nil {
		return err
	}
	err := again("rename", to, func() error { return renameNew(d.fd, from, to) })
	if !unsupported(err) {
		return err
	}
	// A second name, made first, fails if it is taken.
	err = again("rename", to, func() error { return unix.Linkat(d.fd, from, d.fd, to, 0) })
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
	if err := checkNames("exchange", a, b); err != nil {
		return err
	}
	err := again("exchange", b, func() error { return exchange(d.fd, a, b) })
	if unsupported(err) {
		return pathError("exchange", b, errors.ErrUnsupported)
	}
	return err
}

// unsupported: how file systems say that they know no flags of rename.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}

func (d *osDir) Chmod(name string, mode uint16) error {
	if err := checkName("chmod", name); err != nil {
		return err
	}
	err := again("chmod", name, func() error { return unix.Fchmodat(d.fd, name, uint32(mode), unix.AT_SYMLINK_NOFOLLOW) })
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, unix.EPERM) {
		return err
	}
	// Before Linux 6.6, or in a container that forbids the new call: through the opened file, so that no link is followed.
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return pathError("chmod", name, err)
	}
	return errors.Join(again("chmod", name, func() error { return unix.Fchmod(fd, uint32(mode)) }), unix.Close(fd))
}

func (d *osDir) Chtimes(name string, mtime int64) error {
	if err := checkName("chtimes", name); err != nil {
		return err
	}
	ts := unix.NsecToTimespec(mtime)
	return again("chtimes", name, func() error {
		return unix.UtimesNanoAt(d.fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (d *osDir) Sync() error {
	err := again("sync", d.name, func() error { return unix.Fsync(d.fd) })
	if err != nil && noDirSync(err) {
		return nil
	}
	return err
}

func (d *osDir) SyncAll() error {
	return again("sync", d.name, func() error { return syncAll(d.fd) })
}

// osHandle is a file's descriptor.
type osHandle struct {
	d    *osDir
	fd   int
	name string
}

func (h *osHandle) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(h.fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, pathError("read", h.name, err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (h *osHandle) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(h.fd, p[done:min(len(p), done+1<<30)])
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return done, pathError("write", h.name, err)
		}
		done += n
	}
	return done, nil
}

func (h *osHandle) Seek(off int64, whence int) (int64, error) {
	n, err := unix.Seek(h.fd, off, whence)
	return n, pathErrorIf("seek", h.name, err)
}

func (h *osHandle) Close() error { return pathErrorIf("close", h.name, unix.Close(h.fd)) }

func (h *osHandle) Stat() (Stat, error) { return fstat(h.fd, h.name) }

func (h *osHandle) Truncate(size int64) error {
	return again("truncate", h.name, func() error { return unix.Ftruncate(h.fd, size) })
}

func (h *osHandle) Chmod(mode uint16) error {
	return again("chmod", h.name, func() error { return unix.Fchmod(h.fd, uint32(mode)) })
}

// Chtimes goes by the name: systems differ in what they can do by descriptor.
func (h *osHandle) Chtimes(mtime int64) error { return h.d.Chtimes(h.name, mtime) }

func (h *osHandle) Sync() error { return pathErrorIf("sync", h.name, fsync(h.fd, h.name)) }
