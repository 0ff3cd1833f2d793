package vfs

import (
	"io"
	"io/fs"
)

// File is an open file.
type File interface {
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error
	Size() (int64, error)
}

// FS is what durable code needs of a file system.
type FS interface {
	Open(name string) (File, error)
	// Create makes or truncates a file for writing.
	Create(name string, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// MkdirAll makes a directory with its parents.
	MkdirAll(name string, perm fs.FileMode) error
	// ReadDir lists names in order.
	ReadDir(name string) ([]Info, error)
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable. A system that cannot
	// says nothing.
	SyncDir(name string) error
	// Free is how many bytes may still be written on the file system of a
	// name that is there; ok is false where that cannot be told. A quota may
	// leave less.
	Free(name string) (bytes uint64, ok bool)
	// OpenDir opens a directory of a person's tree by its path; links in the
	// path itself are followed.
	OpenDir(name string) (Dir, error)
}

// Info is what FS tells of a name.
type Info struct {
	Name  string
	Size  int64
	Dir   bool
	MTime int64 // nanoseconds; a directory's changes with its names
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}
