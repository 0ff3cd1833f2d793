package worktree

import (
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/bsvsync/bsv/internal/vfs"
)

// fewSyncs is how many files and directories are synced one by one. A sync of
// the whole file system waits for everybody's data; but beyond some dozens it
// is faster.
const fewSyncs = 32

// touched is what must reach stable storage. The zero value is nothing.
type touched struct {
	mu    sync.Mutex
	files map[string]bool
	dirs  map[string]bool
	disks map[uint64]string // a directory of each file system, the one nearest to the root
}

// dir notes that a directory's names, mode or time changed.
func (t *touched) dir(path []string, dev uint64) { t.add(path, dev, true) }

// file notes that a file's content, mode or time changed.
func (t *touched) file(path []string, dev uint64) { t.add(path, dev, false) }

func (t *touched) add(path []string, dev uint64, dir bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.disks == nil {
		t.files, t.dirs, t.disks = map[string]bool{}, map[string]bool{}, map[uint64]string{}
	}
	rel := strings.Join(path, "/")
	top := rel
	if !dir {
		top, _ = splitPath(rel)
	}
	if old, ok := t.disks[dev]; !ok || len(top) < len(old) {
		t.disks[dev] = top
	}
	if vfs.WholeSync && t.many() {
		return
	}
	if dir {
		t.dirs[rel] = true
	} else {
		t.files[rel] = true
	}
}

func (t *touched) many() bool { return len(t.files)+len(t.dirs) > fewSyncs }

// sync makes it durable and forgets it. What is gone meanwhile, or has become
// something else, needs no sync: the directory that held it is touched too.
func (t *touched) sync(root vfs.Dir) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.disks) == 0 {
		return nil
	}
	whole := vfs.WholeSync && t.many()
	if !whole {
		err := t.syncEach(root)
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		whole = err != nil // not readable for us
	}
	if whole {
		for _, rel := range t.disks {
			err := at(root, rel, vfs.Dir.SyncAll)
			for rel != "" && err != nil && (gone(err) || errors.Is(err, fs.ErrPermission)) {
				rel, _ = splitPath(rel) // removed or closed meanwhile
				err = at(root, rel, vfs.Dir.SyncAll)
			}
			if err != nil {
				return err
			}
		}
	}
	t.files, t.dirs, t.disks = nil, nil, nil
	return nil
}

func (t *touched) syncEach(root vfs.Dir) error {
	for rel := range t.files {
		dir, name := splitPath(rel)
		err := at(root, dir, func(d vfs.Dir) error {
			f, err := d.Open(name)
			if err != nil {
				return err
			}
			return errors.Join(f.Sync(), f.Close())
		})
		if err != nil && !gone(err) {
			return err
		}
	}
	for rel := range t.dirs {
		if err := at(root, rel, vfs.Dir.Sync); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotDir) || errors.Is(err, vfs.ErrNotFile)
}

// at does something in a directory below another one.
func at(root vfs.Dir, rel string, do func(vfs.Dir) error) error {
	if rel == "" {
		return do(root)
	}
	d, err := openPath(root, strings.Split(rel, "/"))
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}

// splitPath splits a relative path into its directory, "" for the root, and
// the last name.
func splitPath(rel string) (dir, name string) {
	i := strings.LastIndexByte(rel, '/')
	return rel[:max(i, 0)], rel[i+1:]
}

// Sync makes durable what a scan found new in the mapped directory.
func Sync(m Mapping, r ScanResult) error {
	root, err := m.openRoot()
	if err != nil {
		return err
	}
	return errors.Join(r.touched.sync(root), root.Close())
}
