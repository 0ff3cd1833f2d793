package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// WholeSync: sync(2) does not wait here, so files are synced one by one.
const WholeSync = false

func (d *osDir) Names() ([]string, error) {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, pathError("readdir", d.name, err)
	}
	f := os.NewFile(uintptr(fd), d.name)
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

func renameNew(fd int, from, to string) error {
	return unix.RenameatxNp(fd, from, fd, to, unix.RENAME_EXCL)
}

func exchange(fd int, a, b string) error {
	return unix.RenameatxNp(fd, a, fd, b, unix.RENAME_SWAP)
}

func syncAll(int) error { return unix.Sync() }

// fsync asks the drive too, which fsync(2) does not do here.
func fsync(fd int, _ string) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0); err == nil {
		return nil
	}
	return unix.Fsync(fd)
}
