package worktree

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

func ctimeOf(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Ctimespec.Nano()
	}
	return 0
}

func (d *directory) exchange(string, string) error { return errors.ErrUnsupported }

// syncAll asks the system to write everything out.
func syncAll(string) error { return unix.Sync() }

func (d *directory) setLinkTime(name string, ns int64) error {
	f, err := d.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	ts := []unix.Timespec{unix.NsecToTimespec(ns), unix.NsecToTimespec(ns)}
	return unix.UtimesNanoAt(int(f.Fd()), name, ts, unix.AT_SYMLINK_NOFOLLOW)
}
