package worktree

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

var (
	// errChanged: a file changed while it was read.
	errChanged = errors.New("changed while reading")
	// errSpecial: a pipe, socket or device stands where bsv has something.
	errSpecial = errors.New("neither a file, a directory nor a link stands there")
	// errKept: a directory cannot go because of what bsv does not touch in it.
	errKept = errors.New("a directory with ignored files stands there")
	// errReserved: the name is bsv's own.
	errReserved = errors.New("skipped: names that begin with " + newPrefix + " or " + swapPrefix + " are bsv's own; rename it to have it stored")
)

// openPath opens a directory below another one.
func openPath(d vfs.Dir, path []string) (vfs.Dir, error) {
	at := d
	for _, name := range path {
		next, err := at.OpenDir(name)
		if at != d {
			err = errors.Join(err, at.Close())
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// openFile opens a regular file for reading; what is opened is what lstat saw.
func openFile(d vfs.Dir, name string, seen vfs.Stat) (vfs.Handle, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Is(seen) {
		err = &fs.PathError{Op: "open", Path: name, Err: errChanged}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// kindOf is 0 for what bsv does not keep: pipes, sockets, devices.
func kindOf(st vfs.Stat) object.EntryKind {
	switch st.Type {
	case 0:
		return object.File
	case fs.ModeDir:
		return object.Dir
	case fs.ModeSymlink:
		return object.Symlink
	}
	return 0
}

// sameFile reports whether a file is what it was before it was renamed, which
// touches ctime.
func sameFile(a, b vfs.Stat) bool {
	return a.Is(b) && a.Type == b.Type && a.Size == b.Size && a.MTime == b.MTime
}

// tempBytes is how much of a temporary name is random, in bytes.
const tempBytes = 8

func tempName(prefix string) string {
	var b [tempBytes]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}
