//go:build unix

package home

import (
	"io/fs"
	"os"
	"syscall"
)

// uidOf is the user that a file belongs to.
func uidOf(fi fs.FileInfo) (uid int, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// ownedByUs reports whether the file belongs to this process's user.
func ownedByUs(fi fs.FileInfo) bool {
	uid, ok := uidOf(fi)
	return ok && uid == os.Getuid()
}
