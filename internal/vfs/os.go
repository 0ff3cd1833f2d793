package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OS is the real file system.
type OS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// Open opens a file for reading.
func (OS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Create makes or truncates a file.
func (OS) Create(name string, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename renames; an existing target is replaced.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file or an empty directory.
func (OS) Remove(name string) error { return os.Remove(name) }

// MkdirAll makes a directory with its parents.
func (OS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }

// ReadDir lists names in order.
func (OS) ReadDir(name string) ([]Info, error) {
	list, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	out := make([]Info, 0, len(list))
	for _, e := range list {
		i, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Info{e.Name(), i.Size(), i.IsDir(), i.ModTime().UnixNano()})
	}
	return out, nil
}

// Stat follows links.
func (OS) Stat(name string) (Info, error) {
	i, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{i.Name(), i.Size(), i.IsDir(), i.ModTime().UnixNano()}, nil
}

// SyncDir syncs a directory. EINVAL and ENOTSUP say that the system has no
// such thing, which is a capability and not an error.
func (OS) SyncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !noDirSync(err) {
		return err
	}
	return nil
}

func noDirSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) && os.PathSeparator == '\\'
}
