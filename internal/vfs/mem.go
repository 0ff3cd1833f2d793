package vfs

import (
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// Mem is a file system in memory that can crash: Crash drops what was not
// synced. The permission bits of an owner who is not root hold for what is
// done through a Dir; paths follow no links.
type Mem struct {
	mu    sync.Mutex
	root  *memNode
	log   []memOp // changes of names that no sync has kept yet, oldest first
	ticks int64
	nodes uint64
	devs  uint64 // file systems that were mounted
	// DropSyncs makes every sync do nothing: the negative control of crash
	// tests.
	DropSyncs bool
	// Journal: a rename survives a crash wholly or not at all, as on file
	// systems with a journal; otherwise each of its names fares alone.
	Journal bool
}

// memNode is a file, a directory or a link: as it is now, and as the last
// sync of it left it.
type memNode struct {
	kind        fs.FileMode
	inode, dev  uint64
	now, kept   memState
	names, held map[string]*memNode // of a directory: now and kept
}

type memState struct {
	data         []byte // a link's target
	mode         uint16
	mtime, ctime int64
}

func (s memState) equal(o memState) bool {
	return s.mode == o.mode && s.mtime == o.mtime && slices.Equal(s.data, o.data)
}

func (s memState) clone() memState {
	s.data = slices.Clone(s.data)
	return s
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	m := &Mem{}
	m.root = m.node(1, fs.ModeDir, 0o755)
	m.devs = 1
	return m
}

// clock is the time of the next change: it never stands still.
func (m *Mem) clock() int64 {
	const begin = 1_500_000_000_000_000_001 // in the past, and no whole second
	m.ticks++
	return begin + m.ticks*1_000_000
}

func (m *Mem) node(dev uint64, kind fs.FileMode, mode uint16) *memNode {
	m.nodes++
	t := m.clock()
	n := &memNode{kind: kind, inode: m.nodes, dev: dev, now: memState{mode: mode, mtime: t, ctime: t}}
	n.kept = n.now
	if kind == fs.ModeDir {
		n.names, n.held = map[string]*memNode{}, map[string]*memNode{}
	}
	return n
}

func (n *memNode) dir() bool { return n != nil && n.kind == fs.ModeDir }

func (n *memNode) file() bool { return n != nil && n.kind == 0 }

func (n *memNode) stat() Stat {
	return Stat{Type: n.kind, Mode: n.now.mode, Size: int64(len(n.now.data)), MTime: n.now.mtime, CTime: n.now.ctime, Inode: n.inode, Dev: n.dev}
}

func split(name string) []string {
	name = path.Clean("/" + name)
	if name == "/" {
		return nil
	}
	return strings.Split(name[1:], "/")
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// lookup returns nil where nothing is.
func (m *Mem) lookup(parts []string) *memNode {
	n := m.root
	for _, p := range parts {
		if !n.dir() {
			return nil
		}
		n = n.names[p]
	}
	return n
}

func (m *Mem) parent(op, name string) (*memNode, string, error) {
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", pathError(op, name, fs.ErrInvalid)
	}
	d := m.lookup(parts[:len(parts)-1])
	if !d.dir() {
		return nil, "", pathError(op, name, fs.ErrNotExist)
	}
	return d, parts[len(parts)-1], nil
}

// Mount mounts an empty file system on a directory and returns what takes it away
// and what puts it back. Neither is a change that a crash could lose.
func (m *Mem) Mount(name string) (unmount, mount func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("mount", name)
	if err != nil {
		return nil, nil, err
	}
	below := d.names[base]
	if !below.dir() {
		return nil, nil, pathError("mount", name, ErrNotDir)
	}
	m.devs++
	root := m.node(m.devs, fs.ModeDir, 0o755)
	put := func(n *memNode) func() {
		return func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			d.names[base], d.held[base] = n, n
		}
	}
	d.names[base], d.held[base] = root, root
	return put(below), put(root), nil
}

type memHandle struct {
	m   *Mem
	n   *memNode
	off int64
}

// Open opens a file for reading.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.lookup(split(name))
	if !n.file() {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return &memHandle{m: m, n: n}, nil
}

// Create makes or truncates a file.
func (m *Mem) Create(name string, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("create", name)
	if err != nil {
		return nil, err
	}
	n := d.names[base]
	switch {
	case n == nil:
		n = m.node(d.dev, 0, uint16(perm.Perm()))
		m.set(memSet{d, base, n})
	case !n.file():
		return nil, pathError("create", name, fs.ErrExist)
	}
	n.now.data = nil
	m.touch(n)
	return &memHandle{m: m, n: n}, nil
}

func (m *Mem) touch(n *memNode) {
	n.now.mtime = m.clock()
	n.now.ctime = n.now.mtime
}

// Rename renames; an existing file is replaced.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, x, err := m.parent("rename", from)
	if err != nil {
		return err
	}
	b, y, err := m.parent("rename", to)
	if err != nil {
		return err
	}
	n := a.names[x]
	if n == nil {
		return pathError("rename", from, fs.ErrNotExist)
	}
	m.rename(memSet{a, x, nil}, memSet{b, y, n})
	return nil
}

// Remove removes a file or an empty directory.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	return m.remove(d, base)
}

func (m *Mem) remove(d *memNode, base string) error {
	n := d.names[base]
	if n == nil {
		return pathError("remove", base, fs.ErrNotExist)
	}
	if n.dir() && len(n.names) > 0 {
		return pathError("remove", base, fs.ErrExist)
	}
	m.set(memSet{d, base, nil})
	return nil
}

// MkdirAll makes a directory with its parents.
func (m *Mem) MkdirAll(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	for _, p := range split(name) {
		n := d.names[p]
		if n == nil {
			n = m.node(d.dev, fs.ModeDir, uint16(perm.Perm()))
			m.set(memSet{d, p, n})
		}
		if !n.dir() {
			return pathError("mkdir", name, fs.ErrExist)
		}
		d = n
	}
	return nil
}

// ReadDir lists names in order.
func (m *Mem) ReadDir(name string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.lookup(split(name))
	if !d.dir() {
		return nil, pathError("readdir", name, fs.ErrNotExist)
	}
	var out []Info
	for _, base := range slices.Sorted(maps.Keys(d.names)) {
		out = append(out, info(base, d.names[base]))
	}
	return out, nil
}

func info(base string, n *memNode) Info {
	return Info{base, int64(len(n.now.data)), n.dir(), n.now.mtime}
}

// Stat tells of a name.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.lookup(split(name))
	if n == nil {
		return Info{}, pathError("stat", name, fs.ErrNotExist)
	}
	return info(path.Base(name), n), nil
}

// SyncDir makes the names in a directory durable.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.lookup(split(name))
	if !d.dir() {
		return pathError("sync", name, fs.ErrNotExist)
	}
	m.syncDir(d)
	return nil
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return h.readAt(p, off)
}

func (h *memHandle) readAt(p []byte, off int64) (int, error) {
	if off >= int64(len(h.n.now.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.n.now.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write writes where the last one ended, or Seek went.
func (h *memHandle) Write(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.grow(h.off + int64(len(p)))
	h.off += int64(copy(h.n.now.data[h.off:], p))
	h.m.touch(h.n)
	return len(p), nil
}

// grow fills with zeros up to a size.
func (h *memHandle) grow(size int64) {
	if n := size - int64(len(h.n.now.data)); n > 0 {
		h.n.now.data = append(h.n.now.data, make([]byte, n)...)
	}
}

func (h *memHandle) Close() error { return nil }

func (h *memHandle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if !h.m.DropSyncs {
		h.n.kept = h.n.now.clone()
	}
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.n.now.data)), nil
}

// Free tells nothing: there is no bound.
func (*Mem) Free(string) (bytes uint64, ok bool) { return 0, false }
