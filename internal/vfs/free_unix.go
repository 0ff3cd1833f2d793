//go:build linux || darwin

package vfs

import "golang.org/x/sys/unix"

// Free is the space that is left to this user on the file system of a name.
func (OS) Free(name string) (bytes uint64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil || st.Bsize <= 0 {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}
