package worktree

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncEach: a batch is synced at once here.
const syncEach = false

// renameNew renames unless the new name is taken.
func (d *directory) renameNew(from, to string) error {
	f, err := d.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	err = unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if _, err := d.Lstat(to); err == nil {
			return syscall.EEXIST
		}
		return d.Rename(from, to)
	}
	return err
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
