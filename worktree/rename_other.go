//go:build !linux

package worktree

import (
	"errors"
	"io/fs"
	"syscall"
)

// syncEach: there is no way to sync a whole batch at once.
const syncEach = true

// renameNew renames unless the new name is taken.
func (d *directory) renameNew(from, to string) error {
	if _, err := d.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return d.Rename(from, to)
}

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }
