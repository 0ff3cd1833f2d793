//go:build !linux

package api

import "net"

// sameUser: the socket's permissions are the check here.
func sameUser(net.Conn) bool { return true }
