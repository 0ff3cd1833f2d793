package vfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
)

// memDir is an opened directory of a Mem.
type memDir struct {
	m *Mem
	n *memNode
}

// OpenDir opens a directory by its path; it follows no links.
func (m *Mem) OpenDir(name string) (Dir, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.lookup(split(name))
	if n == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return m.openDir(n, name)
}

func (m *Mem) openDir(n *memNode, name string) (Dir, error) {
	if !n.dir() {
		return nil, pathError("open", name, ErrNotDir)
	}
	if n.now.mode&0o400 == 0 {
		return nil, pathError("open", name, fs.ErrPermission)
	}
	return memDir{m, n}, nil
}

// at locks, checks the names and what the directory permits, and returns what
// stands at the first name; nil if nothing does.
func (d memDir) at(op string, need uint16, names ...string) (*memNode, func(), error) {
	if err := checkNames(op, names...); err != nil {
		return nil, nil, err
	}
	d.m.mu.Lock()
	if d.n.now.mode&need != need {
		d.m.mu.Unlock()
		return nil, nil, pathError(op, names[0], fs.ErrPermission)
	}
	return d.n.names[names[0]], d.m.mu.Unlock, nil
}

const (
	search = 0o100
	change = 0o300
)

// found is at for a name that must be there.
func (d memDir) found(op string, need uint16, names ...string) (*memNode, func(), error) {
	n, unlock, err := d.at(op, need, names...)
	if err == nil && n == nil {
		unlock()
		err = pathError(op, names[0], fs.ErrNotExist)
	}
	return n, unlock, err
}

// free is at for a name that must not be there.
func (d memDir) free(op, name string) (func(), error) {
	n, unlock, err := d.at(op, change, name)
	if err == nil && n != nil {
		unlock()
		err = pathError(op, name, fs.ErrExist)
	}
	return unlock, err
}

func (d memDir) Close() error { return nil }

func (d memDir) OpenDir(name string) (Dir, error) {
	n, unlock, err := d.found("open", search, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return d.m.openDir(n, name)
}

func (d memDir) Names() ([]string, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return slices.Sorted(maps.Keys(d.n.names)), nil
}

func (d memDir) Stat() (Stat, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.n.stat(), nil
}

func (d memDir) Lstat(name string) (Stat, error) {
	n, unlock, err := d.found("lstat", search, name)
	if err != nil {
		return Stat{}, err
	}
	defer unlock()
	return n.stat(), nil
}

func (d memDir) Writable() bool {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.n.now.mode&change == change
}

func (d memDir) Open(name string) (Handle, error) {
	n, unlock, err := d.found("open", search, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !n.file() {
		return nil, pathError("open", name, ErrNotFile)
	}
	if n.now.mode&0o400 == 0 {
		return nil, pathError("open", name, fs.ErrPermission)
	}
	return &memOpen{memHandle{m: d.m, n: n}}, nil
}

func (d memDir) Create(name string) (Handle, error) {
	unlock, err := d.free("create", name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	n := d.m.node(d.n.dev, 0, 0o600)
	d.m.set(memSet{d.n, name, n})
	return &memOpen{memHandle{m: d.m, n: n}}, nil
}

func (d memDir) Readlink(name string) (string, error) {
	n, unlock, err := d.found("readlink", search, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if n.kind != fs.ModeSymlink {
		return "", pathError("readlink", name, fs.ErrInvalid)
	}
	return string(n.now.data), nil
}

func (d memDir) Symlink(target, name string) error {
	unlock, err := d.free("symlink", name)
	if err != nil {
		return err
	}
	defer unlock()
	n := d.m.node(d.n.dev, fs.ModeSymlink, 0o777)
	n.now.data = []byte(target)
	n.kept = n.now.clone()
	d.m.set(memSet{d.n, name, n})
	return nil
}

// Mkfifo makes a named pipe, which no file system call here opens.
func (m *Mem) Mkfifo(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("mkfifo", name)
	if err == nil {
		m.set(memSet{d, base, m.node(d.dev, fs.ModeNamedPipe, 0o644)})
	}
	return err
}

func (d memDir) Mkdir(name string, mode uint16) error {
	unlock, err := d.free("mkdir", name)
	if err != nil {
		return err
	}
	defer unlock()
	d.m.set(memSet{d.n, name, d.m.node(d.n.dev, fs.ModeDir, mode)})
	return nil
}

func (d memDir) Remove(name string) error {
	_, unlock, err := d.found("remove", change, name)
	if err != nil {
		return err
	}
	defer unlock()
	return d.m.remove(d.n, name)
}

func (d memDir) Rename(from, to string) error {
	n, unlock, err := d.found("rename", change, from, to)
	if err != nil {
		return err
	}
	defer unlock()
	if old := d.n.names[to]; old != nil {
		switch {
		case old == n:
			return nil
		case old.dir() && (!n.dir() || len(old.names) > 0), n.dir() && !old.dir():
			return pathError("rename", to, fs.ErrExist)
		}
	}
	d.m.rename(memSet{d.n, from, nil}, memSet{d.n, to, n})
	return nil
}

func (d memDir) RenameNew(from, to string) error {
	n, unlock, err := d.found("rename", change, from, to)
	if err != nil {
		return err
	}
	defer unlock()
	if d.n.names[to] != nil {
		return pathError("rename", to, fs.ErrExist)
	}
	d.m.rename(memSet{d.n, from, nil}, memSet{d.n, to, n})
	return nil
}

func (d memDir) Exchange(a, b string) error {
	n, unlock, err := d.found("exchange", change, a, b)
	if err != nil {
		return err
	}
	defer unlock()
	o := d.n.names[b]
	if o == nil {
		return pathError("exchange", b, fs.ErrNotExist)
	}
	d.m.rename(memSet{d.n, a, o}, memSet{d.n, b, n})
	return nil
}

func (d memDir) Chmod(name string, mode uint16) error {
	n, unlock, err := d.found("chmod", search, name)
	if err != nil {
		return err
	}
	defer unlock()
	if n.kind == fs.ModeSymlink {
		return pathError("chmod", name, errors.ErrUnsupported)
	}
	n.now.mode, n.now.ctime = mode, d.m.clock()
	return nil
}

func (d memDir) Chtimes(name string, mtime int64) error {
	n, unlock, err := d.found("chtimes", search, name)
	if err != nil {
		return err
	}
	defer unlock()
	n.now.mtime, n.now.ctime = mtime, d.m.clock()
	return nil
}

func (d memDir) Sync() error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.syncDir(d.n)
	return nil
}

func (d memDir) SyncAll() error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.syncAll()
	return nil
}

// memOpen is a memHandle as a Handle.
type memOpen struct{ memHandle }

func (h *memOpen) Read(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	n, err := h.readAt(p, h.off)
	h.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *memOpen) Seek(off int64, whence int) (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		off += h.off
	case io.SeekEnd:
		off += int64(len(h.n.now.data))
	}
	if off < 0 {
		return h.off, fs.ErrInvalid
	}
	h.off = off
	return off, nil
}

func (h *memOpen) Stat() (Stat, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return h.n.stat(), nil
}

func (h *memOpen) Truncate(size int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.grow(size)
	h.n.now.data = h.n.now.data[:size]
	h.m.touch(h.n)
	return nil
}

func (h *memOpen) Chmod(mode uint16) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.n.now.mode, h.n.now.ctime = mode, h.m.clock()
	return nil
}

func (h *memOpen) Chtimes(mtime int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.n.now.mtime, h.n.now.ctime = mtime, h.m.clock()
	return nil
}
