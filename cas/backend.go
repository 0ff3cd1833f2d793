package cas

import (
	"errors"
	"iter"

	"github.com/bsvsync/bsv/internal/boltfile"
)

// Backend is a place that holds named files. Names use slashes. Errors match
// the sentinels of io/fs.
type Backend interface {
	// List enumerates the files below a directory, with names from the
	// backend's root. A missing directory is empty.
	List(dir string) iter.Seq2[FileInfo, error]
	// Read reads n bytes at an offset; n < 0 reads to the end.
	Read(name string, off int64, n int) ([]byte, error)
	// Write makes a file durable and then visible, or does nothing.
	Write(name string, parts ...[]byte) error
	Remove(name string) error
	Rename(from, to string) error
	Size(name string) (int64, error)
	// Stamp changes when a file of a directory comes or goes; the resolution
	// of a clock may hide that. A missing directory has -1.
	Stamp(dir string) (int64, error)
}

// FileInfo is a listed file.
type FileInfo struct {
	Name string
	Size int64
}

// Errors of a store. ErrIndex is no ErrDamaged: it says nothing of what is stored.
var (
	ErrDamaged  = errors.New("damaged")
	ErrIndex    = boltfile.ErrDamaged // the index is damaged; the next Open builds another
	ErrPoisoned = errors.New("the store stopped after a failed write")
	ErrNewer    = errors.New("written by a newer bsv")
)
