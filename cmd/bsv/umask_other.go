//go:build !unix

package main

// umask is what systems that have one begin with.
func umask() uint32 { return 0o022 }
