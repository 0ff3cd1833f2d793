package vfs

import "path"

// OpenDir opens a directory of a person's tree.
func (f *Fail) OpenDir(name string) (Dir, error) {
	return failDir{f: f, path: name}.opened("opendir", "", func() (Dir, error) { return f.FS.OpenDir(name) })
}

// failDir counts the calls of a Dir.
type failDir struct {
	d    Dir
	f    *Fail
	path string
}

func (d failDir) hit(op, name string) error {
	if d.f.Before != nil {
		if err := d.f.Before(op, path.Join(d.path, name)); err != nil {
			return err
		}
	}
	if err := d.f.hit(); err != nil {
		return pathError(op, name, err)
	}
	return nil
}

func (d failDir) opened(op, name string, open func() (Dir, error)) (Dir, error) {
	if err := d.hit(op, name); err != nil {
		return nil, err
	}
	sub, err := open()
	if err != nil {
		return nil, err
	}
	return failDir{sub, d.f, path.Join(d.path, name)}, nil
}

func (d failDir) handle(op, name string, open func(string) (Handle, error)) (Handle, error) {
	if err := d.hit(op, name); err != nil {
		return nil, err
	}
	h, err := open(name)
	if err != nil {
		return nil, err
	}
	return failHandle{h, d, name}, nil
}

func (d failDir) Close() error { return d.d.Close() }

func (d failDir) Writable() bool { return d.d.Writable() }

func (d failDir) OpenDir(name string) (Dir, error) {
	return d.opened("opendir", name, func() (Dir, error) { return d.d.OpenDir(name) })
}

func (d failDir) Open(name string) (Handle, error) { return d.handle("open", name, d.d.Open) }

func (d failDir) Create(name string) (Handle, error) { return d.handle("create", name, d.d.Create) }

// failHandle counts the calls of a Handle.
type failHandle struct {
	Handle
	d    failDir
	name string
}

func (d failDir) Names() ([]string, error) {
	if err := d.hit("names", ""); err != nil {
		return nil, err
	}
	return d.d.Names()
}

func (d failDir) Stat() (Stat, error) {
	if err := d.hit("stat", ""); err != nil {
		return Stat{}, err
	}
	return d.d.Stat()
}

func (d failDir) Lstat(name string) (Stat, error) {
	if err := d.hit("lstat", name); err != nil {
		return Stat{}, err
	}
	return d.d.Lstat(name)
}

func (d failDir) Readlink(name string) (string, error) {
	if err := d.hit("readlink", name); err != nil {
		return "", err
	}
	return d.d.Readlink(name)
}

func (d failDir) Symlink(target, name string) error {
	if err := d.hit("symlink", name); err != nil {
		return err
	}
	return d.d.Symlink(target, name)
}

func (d failDir) Mkdir(name string, mode uint16) error {
	if err := d.hit("mkdir", name); err != nil {
		return err
	}
	return d.d.Mkdir(name, mode)
}

func (d failDir) Remove(name string) error {
	if err := d.hit("remove", name); err != nil {
		return err
	}
	return d.d.Remove(name)
}

func (d failDir) Rename(from, to string) error {
	if err := d.hit("rename", from); err != nil {
		return err
	}
	return d.d.Rename(from, to)
}

func (d failDir) RenameNew(from, to string) error {
	if err := d.hit("renamenew", to); err != nil {
		return err
	}
	return d.d.RenameNew(from, to)
}

func (d failDir) Exchange(a, b string) error {
	if err := d.hit("exchange", b); err != nil {
		return err
	}
	return d.d.Exchange(a, b)
}

func (d failDir) Chmod(name string, mode uint16) error {
	if err := d.hit("chmod", name); err != nil {
		return err
	}
	return d.d.Chmod(name, mode)
}

func (d failDir) Chtimes(name string, mtime int64) error {
	if err := d.hit("chtimes", name); err != nil {
		return err
	}
	return d.d.Chtimes(name, mtime)
}

func (d failDir) Sync() error {
	if err := d.hit("sync", ""); err != nil {
		return err
	}
	return d.d.Sync()
}

func (d failDir) SyncAll() error {
	if err := d.hit("syncall", ""); err != nil {
		return err
	}
	return d.d.SyncAll()
}

func (h failHandle) Read(p []byte) (int, error) {
	if err := h.d.hit("read", h.name); err != nil {
		return 0, err
	}
	return h.Handle.Read(p)
}

func (h failHandle) Write(p []byte) (int, error) {
	if err := h.d.hit("write", h.name); err != nil {
		return 0, err
	}
	return h.Handle.Write(p)
}

func (h failHandle) Seek(off int64, whence int) (int64, error) {
	if err := h.d.hit("seek", h.name); err != nil {
		return 0, err
	}
	return h.Handle.Seek(off, whence)
}

func (h failHandle) Stat() (Stat, error) {
	if err := h.d.hit("fstat", h.name); err != nil {
		return Stat{}, err
	}
	return h.Handle.Stat()
}

func (h failHandle) Truncate(size int64) error {
	if err := h.d.hit("truncate", h.name); err != nil {
		return err
	}
	return h.Handle.Truncate(size)
}

func (h failHandle) Chmod(mode uint16) error {
	if err := h.d.hit("fchmod", h.name); err != nil {
		return err
	}
	return h.Handle.Chmod(mode)
}

func (h failHandle) Chtimes(mtime int64) error {
	if err := h.d.hit("fchtimes", h.name); err != nil {
		return err
	}
	return h.Handle.Chtimes(mtime)
}

func (h failHandle) Sync() error {
	if err := h.d.hit("fsync", h.name); err != nil {
		return err
	}
	return h.Handle.Sync()
}
