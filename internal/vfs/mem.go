package vfs

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
)

// Mem is a file system in memory that can crash: Crash drops what was not
// synced.
type Mem struct {
	mu   sync.Mutex
	root *memDir
	// DropSyncs makes every sync do nothing: the negative control of crash
	// tests.
	DropSyncs bool
}

// memDir holds the names as they are now and as the last sync of the
// directory left them.
type memDir struct {
	now, durable map[string]any // *memDir or *memFile
}

type memFile struct {
	now     []byte
	durable []byte
}

// NewMem returns an empty file system.
func NewMem() *Mem { return &Mem{root: newMemDir()} }

func newMemDir() *memDir { return &memDir{now: map[string]any{}, durable: map[string]any{}} }

func split(name string) []string {
	name = path.Clean("/" + name)
	if name == "/" {
		return nil
	}
	var parts []string
	for name != "/" {
		var base string
		name, base = path.Dir(name), path.Base(name)
		parts = append(parts, base)
	}
	slices.Reverse(parts)
	return parts
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func (m *Mem) lookup(parts []string) any {
	var n any = m.root
	for _, p := range parts {
		d, ok := n.(*memDir)
		if !ok {
			return nil
		}
		if n, ok = d.now[p]; !ok {
			return nil
		}
	}
	return n
}

func (m *Mem) parent(op, name string) (*memDir, string, error) {
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", pathError(op, name, fs.ErrInvalid)
	}
	d, ok := m.lookup(parts[:len(parts)-1]).(*memDir)
	if !ok {
		return nil, "", pathError(op, name, fs.ErrNotExist)
	}
	return d, parts[len(parts)-1], nil
}

type memHandle struct {
	m *Mem
	f *memFile
}

// Open opens a file for reading.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.lookup(split(name)).(*memFile)
	if !ok {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return &memHandle{m, f}, nil
}

// Create makes or truncates a file.
func (m *Mem) Create(name string, _ fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("create", name)
	if err != nil {
		return nil, err
	}
	f, ok := d.now[base].(*memFile)
	if !ok {
		if _, dir := d.now[base].(*memDir); dir {
			return nil, pathError("create", name, fs.ErrExist)
		}
		f = &memFile{}
		d.now[base] = f
	}
	f.now = nil
	return &memHandle{m, f}, nil
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
	n, ok := a.now[x]
	if !ok {
		return pathError("rename", from, fs.ErrNotExist)
	}
	delete(a.now, x)
	b.now[y] = n
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
	switch n := d.now[base].(type) {
	case nil:
		return pathError("remove", name, fs.ErrNotExist)
	case *memDir:
		if len(n.now) > 0 {
			return pathError("remove", name, fs.ErrExist)
		}
	}
	delete(d.now, base)
	return nil
}

// MkdirAll makes a directory with its parents.
func (m *Mem) MkdirAll(name string, _ fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	for _, p := range split(name) {
		switch n := d.now[p].(type) {
		case nil:
			sub := newMemDir()
			d.now[p] = sub
			d = sub
		case *memDir:
			d = n
		default:
			return pathError("mkdir", name, fs.ErrExist)
		}
	}
	return nil
}

// ReadDir lists names in order.
func (m *Mem) ReadDir(name string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.lookup(split(name)).(*memDir)
	if !ok {
		return nil, pathError("readdir", name, fs.ErrNotExist)
	}
	var out []Info
	for base, n := range d.now {
		out = append(out, info(base, n))
	}
	slices.SortFunc(out, func(a, b Info) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out, nil
}

func info(base string, n any) Info {
	if f, ok := n.(*memFile); ok {
		return Info{base, int64(len(f.now)), false}
	}
	return Info{base, 0, true}
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
	d, ok := m.lookup(split(name)).(*memDir)
	if !ok {
		return pathError("sync", name, fs.ErrNotExist)
	}
	if !m.DropSyncs {
		d.durable = map[string]any{}
		for base, n := range d.now {
			d.durable[base] = n
		}
	}
	return nil
}

// Crash forgets what was not synced. For each name and each file that differs
// from its durable form, r chooses the old form, the new one, or for a file a
// prefix of the new one followed by zeros; files open before must not be used
// any more.
func (m *Mem) Crash(r *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.root.crash(r)
}

func (d *memDir) crash(r *rand.Rand) {
	names := map[string]bool{}
	for n := range d.now {
		names[n] = true
	}
	for n := range d.durable {
		names[n] = true
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		if d.now[name] != d.durable[name] && r.IntN(2) == 0 {
			if old, ok := d.durable[name]; ok {
				d.now[name] = old
			} else {
				delete(d.now, name)
			}
		}
		switch n := d.now[name].(type) {
		case *memDir:
			n.crash(r)
		case *memFile:
			n.crash(r)
		}
	}
	d.durable = map[string]any{}
	for name, n := range d.now {
		d.durable[name] = n
	}
}

func (f *memFile) crash(r *rand.Rand) {
	if !slices.Equal(f.now, f.durable) {
		switch r.IntN(3) {
		case 0:
			f.now = slices.Clone(f.durable)
		case 1:
			keep := r.IntN(len(f.now) + 1)
			torn := slices.Clone(f.now)
			clear(torn[keep:])
			f.now = torn
		}
	}
	f.durable = slices.Clone(f.now)
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if off >= int64(len(h.f.now)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) Write(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.now = append(h.f.now, p...)
	return len(p), nil
}

func (h *memHandle) Close() error { return nil }

func (h *memHandle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if !h.m.DropSyncs {
		h.f.durable = slices.Clone(h.f.now)
	}
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.f.now)), nil
}
