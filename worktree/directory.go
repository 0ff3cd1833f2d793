package worktree

import (
	"errors"
	"io/fs"
	"os"
)

// errLink: a component of a path is a link, or became one.
var errLink = errors.New("not a directory of its own (a link stands there)")

// directory is an opened directory; all work goes through single names in it.
type directory struct{ *os.Root }

// openRoot opens a mapped directory. The mapping's own path may go through
// links: the person chose it.
func openRoot(dir string) (*directory, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &directory{r}, nil
}

// open opens a subdirectory without following a link: os.Root would follow
// one inside of itself, so the opened directory must be the one that lstat
// saw.
func (d *directory) open(name string) (*directory, error) {
	before, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errLink}
	}
	r, err := d.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := r.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = &fs.PathError{Op: "open", Path: name, Err: errLink}
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &directory{r}, nil
}

// names lists the directory.
func (d *directory) names() ([]fs.DirEntry, error) {
	f, err := d.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// openFile opens a regular file for reading; what is opened is what lstat saw.
func (d *directory) openFile(name string, seen fs.FileInfo) (*os.File, error) {
	f, err := d.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && (!fi.Mode().IsRegular() || !os.SameFile(fi, seen)) {
		err = &fs.PathError{Op: "open", Path: name, Err: errChanged}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// errChanged: a file changed while it was read.
var errChanged = errors.New("changed while reading")
