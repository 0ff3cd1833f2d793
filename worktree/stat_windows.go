package worktree

import (
	"errors"
	"io/fs"
)

const openFlags = 0

func permOf(fi fs.FileInfo) uint16 { return uint16(fi.Mode().Perm()) }

func fileMode(m uint16) fs.FileMode { return fs.FileMode(m & 0o777) }

func inodeOf(fs.FileInfo) uint64 { return 0 }

func ctimeOf(fs.FileInfo) int64 { return 0 }

func (d *directory) exchange(string, string) error { return errors.ErrUnsupported }

// syncAll: files are flushed one by one on Windows (Apply does it).
func syncAll(string) error { return nil }

// setLinkTime: links keep the time of their making on Windows.
func (d *directory) setLinkTime(string, int64) error { return nil }
