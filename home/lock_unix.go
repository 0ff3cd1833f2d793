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
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return errWouldBlock
		}
		return err
	}
}
