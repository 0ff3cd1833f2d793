//go:build unix

package home

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errWouldBlock: somebody else holds the lock.
var errWouldBlock = errors.New("lock is held")

// tryLock takes the lock of an open file without waiting.
func tryLock(f *os.File, shared bool) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return errWouldBlock
		}
		return err
	}
}
