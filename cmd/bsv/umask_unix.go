//go:build unix

package main

import "syscall"

// umask is that of this process. It can only be read by setting it: before
// anything is made, and with nothing permitted meanwhile.
func umask() uint32 {
	old := syscall.Umask(0o777)
	syscall.Umask(old)
	return uint32(old)
}
