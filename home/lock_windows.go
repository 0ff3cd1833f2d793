package home

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// errWouldBlock: somebody else holds the lock.
var errWouldBlock = errors.New("lock is held")

// tryLock takes the lock of an open file without waiting. The locked range
// lies far behind the text: a Windows lock would otherwise hide the owner's
// name from those who wait.
func tryLock(f *os.File, shared bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	ol := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, ol)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errWouldBlock
	}
	return err
}
