package vfs

import (
	"io"

	"golang.org/x/sys/unix"
)

// WholeSync: SyncAll waits until all is durable, so that many files are
// synced at once.
const WholeSync = true

func (d *osDir) Names() ([]string, error) {
	if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
		return nil, pathError("readdir", d.name, err)
	}
	var names []string
	buf := make([]byte, 8<<10)
	for {
		n, err := unix.Getdents(d.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, pathError("readdir", d.name, err)
		}
		if n <= 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func renameNew(fd int, from, to string) error {
	return unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE)
}

func exchange(fd int, a, b string) error {
	return unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE)
}

func syncAll(fd int) error { return unix.Syncfs(fd) }

func fsync(fd int, _ string) error {
	for {
		if err := unix.Fsync(fd); err != unix.EINTR {
			return err
		}
	}
}
