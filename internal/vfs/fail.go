package vfs

import (
	"io/fs"
	"sync/atomic"
)

// Fail is a file system whose calls from the Nth on (from 1) return Err,
// unless Once is set: then only the Nth does.
type Fail struct {
	FS
	N    int64
	Err  error
	Once bool
	// Before is called before each call of a Dir or Handle with what it does
	// and to which path; its error is returned instead. It may be nil.
	Before func(op, path string) error
	calls  atomic.Int64
	off    atomic.Bool
}

// Cut makes every call from now on return Err, as when the power goes.
func (f *Fail) Cut() { f.off.Store(true) }

// Mend undoes Cut.
func (f *Fail) Mend() { f.off.Store(false) }

// Calls is how many calls were made so far.
func (f *Fail) Calls() int64 { return f.calls.Load() }

func (f *Fail) hit() error {
	n := f.calls.Add(1)
	if f.off.Load() {
		return f.Err
	}
	if f.N > 0 && (n == f.N || !f.Once && n > f.N) {
		return f.Err
	}
	return nil
}

type failFile struct {
	File
	f *Fail
}

func (f *Fail) wrap(file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return failFile{file, f}, nil
}

// Open opens a file for reading.
func (f *Fail) Open(name string) (File, error) {
	if err := f.hit(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Open(name))
}

// Create makes or truncates a file.
func (f *Fail) Create(name string, perm fs.FileMode) (File, error) {
	if err := f.hit(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name, perm))
}

// Rename renames.
func (f *Fail) Rename(from, to string) error {
	if err := f.hit(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove removes.
func (f *Fail) Remove(name string) error {
	if err := f.hit(); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// MkdirAll makes a directory with its parents.
func (f *Fail) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.hit(); err != nil {
		return err
	}
	return f.FS.MkdirAll(name, perm)
}

// SyncDir makes the names in a directory durable.
func (f *Fail) SyncDir(name string) error {
	if err := f.hit(); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

func (f failFile) Write(p []byte) (int, error) {
	if err := f.f.hit(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f failFile) Sync() error {
	if err := f.f.hit(); err != nil {
		return err
	}
	return f.File.Sync()
}
