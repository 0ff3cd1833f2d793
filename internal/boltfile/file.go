package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// ErrDamaged is wrapped by errors about what a file holds. Whoever reads in a
// transaction wraps it too, for what bbolt cannot know to be wrong.
var ErrDamaged = errors.New("damaged database")

// lockWait is how long another process may take to close the file.
const lockWait = 5 * time.Second

// growth is by how much a file becomes longer when it is full, in bytes: bbolt's
// own 16 MiB may be more than all that it holds.
const growth = 1 << 20

// File is an open bbolt file.
type File struct {
	db       *bolt.DB
	path     string
	readOnly bool

	mu     sync.RWMutex // guards what follows
	damage error        // what was met first
	stuck  bool         // bbolt may hold its locks for ever
}

// Open opens a file that is whole; one that does not exist, or is empty, is
// begun. A file that is not as it was closed is read before: each, when it is
// not nil, sees every key and value of the buckets at the top, and says whether
// they are whole. With readOnly nothing is begun, and nothing is written.
func Open(path string, readOnly bool, each func(bucket string, key, value []byte) error) (*File, error) {
	if err := check(path, each); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{path: path, readOnly: readOnly}
	err := f.guard(func() (err error) {
		f.db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType, ReadOnly: readOnly})
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.db.AllocSize = growth
	return f, nil
}

// View reads in one transaction.
func (f *File) View(fn func(*bolt.Tx) error) error {
	return f.use(func() error {
		return f.db.View(func(tx *bolt.Tx) error { return f.safely(fn, tx) })
	})
}

// Update writes in one transaction.
func (f *File) Update(fn func(*bolt.Tx) error) error {
	return f.use(func() error {
		return f.db.Update(func(tx *bolt.Tx) error { return f.safely(fn, tx) })
	})
}

// Remove deletes a closed file and what stands beside it.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return unstamp(path)
}

// SetAside renames a closed file.
func SetAside(path, to string) error {
	if err := unstamp(path); err != nil {
		return err
	}
	return os.Rename(path, to)
}

// Damage is the damage that was met since the file was opened; nil: none.
func (f *File) Damage() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.damage
}

// Close closes the file. One that bbolt panicked over is left to the end of the
// process: its locks may be held.
func (f *File) Close() error {
	f.mu.RLock()
	damage, stuck := f.damage, f.stuck
	f.mu.RUnlock()
	if stuck {
		return nil
	}
	err := f.guard(f.db.Close)
	if err == nil && damage == nil && !f.readOnly {
		_ = stamp(f.path) // without one it is read at the next start
	}
	return err
}

func (f *File) use(do func() error) error {
	if err := f.Damage(); err != nil {
		return err
	}
	err := f.guard(do)
	if errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%s: %w", f.path, err)
		f.met(err, false)
	}
	return err
}

// safely runs what happens in a transaction, which bbolt then rolls back as
// after any error.
func (f *File) safely(fn func(*bolt.Tx) error, tx *bolt.Tx) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a file that is cut short while it is open
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return fn(tx)
}

// guard makes errors of panics of bbolt itself. It may have them while it holds
// its locks.
func (f *File) guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
			f.met(err, true)
		}
	}()
	return do()
}

func (f *File) met(err error, stuck bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.damage == nil {
		f.damage = err
	}
	f.stuck = f.stuck || stuck
	if f.readOnly {
		return
	}
	_ = unstamp(f.path) // whoever sees the damage removes the file when it is closed
}
