package discovery

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long changes of interfaces are collected.
const settle = 50 * time.Millisecond

// watchNetwork calls f when links or addresses change, until ctx ends.
func watchNetwork(ctx context.Context, f func()) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		pollNetwork(ctx, f)
		return
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	tv := unix.NsecToTimeval(int64(200 * time.Millisecond))
	if unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}) != nil || unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv) != nil {
		_ = unix.Close(fd) // nothing was written to it
		pollNetwork(ctx, f)
		return
	}
	defer func() { _ = unix.Close(fd) }() // as above
	b := make([]byte, 16<<10)
	var changed time.Time
	for ctx.Err() == nil {
		if n, _, err := unix.Recvfrom(fd, b, 0); err == nil && n > 0 {
			if changed.IsZero() {
				changed = time.Now()
				tv := unix.NsecToTimeval(int64(settle))
				_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv) // only delays the next look
			}
			if time.Since(changed) < 4*settle {
				continue
			}
		}
		if !changed.IsZero() {
			changed = time.Time{}
			_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv) // as above
			f()
		}
	}
}
