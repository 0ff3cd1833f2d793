package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrNotDir: what was to be opened as a directory is something else; a link
// to a directory is something else too.
var ErrNotDir = errors.New("not a directory of its own (a link or a file stands there)")

// ErrNotFile: what was to be opened as a file is no regular file.
var ErrNotFile = errors.New("not a regular file")

// Dir is an open directory of a person's tree. All work goes through single
// names in it, so that nothing above a name can redirect it, and no method
// follows a link at the name. Names that are empty, ".", ".." or hold a slash
// are refused. Errors are *fs.PathError. Any number of goroutines may use it
// at once, until Close.
type Dir interface {
	io.Closer
	// OpenDir opens a subdirectory; ErrNotDir if it is none.
	OpenDir(name string) (Dir, error)
	// Names lists the directory, in no order.
	Names() ([]string, error)
	// Stat tells of the directory itself.
	Stat() (Stat, error)
	Lstat(name string) (Stat, error)
	// Writable reports whether names in it may be made and removed, as far as
	// permissions say.
	Writable() bool
	// Open opens a regular file for reading, and never waits for the writer of
	// a pipe; ErrNotFile if it is none.
	Open(name string) (Handle, error)
	// Create makes a new file of mode 0600 for writing.
	Create(name string) (Handle, error)
	Readlink(name string) (string, error)
	Symlink(target, name string) error
	// Mkdir makes a directory of exactly this mode.
	Mkdir(name string, mode uint16) error
	// Remove removes a file, a link or an empty directory.
	Remove(name string) error
	// Rename replaces what stands at the new name.
	Rename(from, to string) error
	// RenameNew fails with fs.ErrExist if the new name is taken.
	RenameNew(from, to string) error
	// Exchange swaps two names in one step; errors.ErrUnsupported if the file
	// system cannot.
	Exchange(a, b string) error
	Chmod(name string, mode uint16) error
	// Chtimes sets the time, in nanoseconds, of a file, directory or link.
	Chtimes(name string, mtime int64) error
	// Sync makes the names in the directory durable, and its own mode and time.
	Sync() error
	// SyncAll makes all of its file system durable, as far as the system
	// can: see WholeSync.
	SyncAll() error
}

// Handle is an open file of a person's tree. One goroutine uses it.
type Handle interface {
	io.ReadWriteSeeker
	io.Closer
	Stat() (Stat, error)
	Truncate(size int64) error
	Chmod(mode uint16) error
	Chtimes(mtime int64) error
	// Sync makes content, size, mode and times durable, but not the name.
	Sync() error
}

// Stat is what lstat tells.
type Stat struct {
	Type         fs.FileMode // type bits alone; 0 is a regular file
	Mode         uint16      // the twelve permission bits
	Size         int64
	MTime, CTime int64 // nanoseconds
	Inode, Dev   uint64
	// TimeCut: the file's time lies beyond what MTime can say (the years 1677
	// to 2262), which is the nearest.
	TimeCut bool

	info fs.FileInfo // what identifies a file where inodes do not
}

// nanoseconds is a time as int64 can say it, or the nearest.
func nanoseconds(sec, nsec int64) (ns int64, cut bool) {
	const second = int64(time.Second)
	switch low := math.MinInt64/second - 1; {
	case sec > math.MaxInt64/second || sec == math.MaxInt64/second && nsec > math.MaxInt64%second:
		return math.MaxInt64, true
	case sec < low || sec == low && nsec < math.MinInt64%second+second:
		return math.MinInt64, true
	}
	return sec*second + nsec, false // of the earliest second only the sum is in range
}

// IsDir reports whether it is a directory.
func (s Stat) IsDir() bool { return s.Type == fs.ModeDir }

// IsRegular reports whether it is a regular file.
func (s Stat) IsRegular() bool { return s.Type == 0 }

// Is reports whether both speak of one file.
func (s Stat) Is(o Stat) bool {
	if s.info != nil && o.info != nil {
		return os.SameFile(s.info, o.info)
	}
	return s.Inode == o.Inode && s.Dev == o.Dev
}

// checkName refuses what is not a single name.
func checkName(op, name string) error {
	if name == "" || name == "." || name == ".." || strings.IndexByte(name, '/') >= 0 || strings.IndexByte(name, 0) >= 0 {
		return pathError(op, name, fs.ErrInvalid)
	}
	return nil
}

func checkNames(op string, names ...string) error {
	for _, n := range names {
		if err := checkName(op, n); err != nil {
			return err
		}
	}
	return nil
}

// NoSpace reports whether the disk or a quota is full.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota)
}

// IsQuota reports whether it is a quota: the space of the disk says nothing.
func IsQuota(err error) bool { return errors.Is(err, errQuota) }
