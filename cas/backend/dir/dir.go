package dir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
)

// Backend is a directory on a file system.
type Backend struct {
	fs    vfs.FS
	root  string
	tmp   string // suffix of temporary names
	fault *fault.Injector
	n     atomic.Uint64

	mu   sync.Mutex
	made map[string]bool // directories known to exist durably
}

// New returns the directory as a backend. device makes temporary names
// unique to their writer.
func New(fsys vfs.FS, root, device string, in *fault.Injector) *Backend {
	return &Backend{fs: fsys, root: root, tmp: ".tmp-" + device, fault: in, made: map[string]bool{}}
}

func (b *Backend) path(name string) string {
	return filepath.Join(b.root, filepath.FromSlash(name))
}

// List enumerates files below dir.
func (b *Backend) List(dir string) iter.Seq2[cas.FileInfo, error] {
	return func(yield func(cas.FileInfo, error) bool) { b.list(dir, yield) }
}

func (b *Backend) list(dir string, yield func(cas.FileInfo, error) bool) bool {
	infos, err := b.fs.ReadDir(b.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		yield(cas.FileInfo{}, fmt.Errorf("list %s: %w", dir, err))
		return false
	}
	for _, i := range infos {
		name := path.Join(dir, i.Name)
		switch {
		case i.Dir:
			if !b.list(name, yield) {
				return false
			}
		case strings.Contains(i.Name, ".tmp-"):
		default:
			if !yield(cas.FileInfo{Name: name, Size: i.Size}, nil) {
				return false
			}
		}
	}
	return true
}

// Read reads a part of a file.
func (b *Backend) Read(name string, off int64, n int) ([]byte, error) {
	f, err := b.fs.Open(b.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		n = int(max(size-off, 0))
	}
	if off < 0 || off+int64(n) > size {
		return nil, fmt.Errorf("read %s: %w", name, io.ErrUnexpectedEOF)
	}
	p := make([]byte, n)
	if _, err := f.ReadAt(p, off); err != nil && !(errors.Is(err, io.EOF) && off+int64(n) == size) {
		return nil, err
	}
	return p, nil
}

// Write makes a file durable, then visible. The named crash points of a pack
// are cas.pack.written, .synced and .renamed; of a record record.*.
func (b *Backend) Write(name string, parts ...[]byte) error {
	if err := b.makeDir(path.Dir(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	point := "cas." + strings.TrimSuffix(strings.SplitN(name, "/", 2)[0], "s")
	target := b.path(name)
	temp := fmt.Sprintf("%s%s-%d", target, b.tmp, b.n.Add(1))
	f, err := b.fs.Create(temp, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	for _, p := range parts {
		if _, err = f.Write(p); err != nil {
			break
		}
	}
	b.fault.Hit(point + ".written")
	if err == nil {
		if err = f.Sync(); err != nil {
			err = errors.Join(cas.ErrPoisoned, err)
		}
	}
	b.fault.Hit(point + ".synced")
	err = errors.Join(err, f.Close())
	if err == nil {
		err = b.fs.Rename(temp, target)
	}
	if err != nil {
		if rm := b.fs.Remove(temp); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		return fmt.Errorf("write %s: %w", name, err)
	}
	b.fault.Hit(point + ".renamed")
	if err := b.fs.SyncDir(filepath.Dir(target)); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(cas.ErrPoisoned, err))
	}
	b.fault.Hit(point + ".durable")
	return nil
}

// makeDir makes a directory whose name survives a crash.
func (b *Backend) makeDir(dir string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made[dir] {
		return nil
	}
	if err := b.fs.MkdirAll(b.path(dir), 0o700); err != nil {
		return err
	}
	for d := dir; ; d = path.Dir(d) {
		if err := b.fs.SyncDir(filepath.Dir(b.path(d))); err != nil {
			return err
		}
		b.made[d] = true
		if d == "." || b.made[path.Dir(d)] {
			return nil
		}
	}
}

// Remove removes a file.
func (b *Backend) Remove(name string) error { return b.fs.Remove(b.path(name)) }

// Rename moves a file to another directory of the backend.
func (b *Backend) Rename(from, to string) error {
	if err := b.makeDir(path.Dir(to)); err != nil {
		return err
	}
	if err := b.fs.Rename(b.path(from), b.path(to)); err != nil {
		return err
	}
	return errors.Join(b.fs.SyncDir(filepath.Dir(b.path(to))), b.fs.SyncDir(filepath.Dir(b.path(from))))
}

// Size returns a file's length in bytes.
func (b *Backend) Size(name string) (int64, error) {
	i, err := b.fs.Stat(b.path(name))
	if err != nil {
		return 0, err
	}
	return i.Size, nil
}

// Stamp is when the names of a directory changed last.
func (b *Backend) Stamp(dir string) (int64, error) {
	i, err := b.fs.Stat(b.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	return i.MTime, err
}

// Sweep removes the temporary files that this device left.
func (b *Backend) Sweep() error {
	return b.sweep(".")
}

func (b *Backend) sweep(dir string) error {
	infos, err := b.fs.ReadDir(b.path(dir))
	if err != nil {
		return err
	}
	for _, i := range infos {
		name := path.Join(dir, i.Name)
		switch {
		case i.Dir:
			err = b.sweep(name)
		case strings.Contains(i.Name, b.tmp):
			err = b.fs.Remove(b.path(name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
