package home

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/internal/boltfile"
	"github.com/bsvsync/bsv/object"
)

var (
	bucketGiven = []byte("given")  // "A" → ids; "m" + virtual path → tree id
	bucketRows  = []byte("rows")   // virtual path of a mapping NUL directory → row
	bucketValue = []byte("values") // name → bytes
)

// State is state.db: what may be lost without losing a version. What is set is
// durable; what is only noted is written with what is set next.
type State struct {
	db   *boltfile.File
	path string

	readOnly bool
	scratch  string // directory of a file that ends with the process; empty: none

	mu    sync.RWMutex
	noted noted
}

// Given is what was given to the disk: per mapping the tree that is
// materialised there, and A, the heads that the last apply that began was
// heading for. Known is false when nothing was ever written.
type Given struct {
	Known        bool
	A            []object.ID
	Materialised map[string]object.ID // by virtual path of the mapping; a mapping that is not in it is new
}

// openState opens state.db; a damaged one is set aside and a new one begun.
func openState(path string, log *slog.Logger) (*State, error) {
	s, err := tryState(path, false)
	if err == nil {
		return s, nil
	}
	// What the system refuses (no space, no right, a lock) says nothing of
	// what the file holds.
	if !errors.Is(err, boltfile.ErrDamaged) {
		return nil, fmt.Errorf("open state: %w", err)
	}
	log.Warn("state.db is damaged: set aside, and a new one is begun", "err", err, "aside", aside(path), "hint", afterLoss)
	if rerr := boltfile.SetAside(path, aside(path)); rerr != nil {
		return nil, fmt.Errorf("open state: %w", errors.Join(err, rerr))
	}
	return tryState(path, false)
}

// readState opens state.db where nothing can be written. What is missing or
// damaged is as if nothing were known: it is begun in a temporary directory.
func readState(path string, log *slog.Logger) (*State, error) {
	s, err := tryState(path, true)
	if err != nil {
		log.Debug("state.db cannot be read: going on without it", "err", err)
		dir, err := os.MkdirTemp("", "bsv-state-")
		if err != nil {
			return nil, fmt.Errorf("open state: %w", err)
		}
		if s, err = tryState(filepath.Join(dir, "state.db"), false); err != nil {
			return nil, errors.Join(fmt.Errorf("open state: %w", err), os.RemoveAll(dir))
		}
		s.scratch = dir
	}
	s.readOnly = true
	return s, nil
}

func aside(path string) string { return path + ".damaged" }

// afterLoss is what a person has to know of a state that begins anew.
const afterLoss = "no version is lost; all mapped files are read again, and what was deleted since the last snapshot, or set back to an older version, comes back as the vault has it"

func tryState(path string, readOnly bool) (*State, error) {
	db, err := boltfile.Open(path, readOnly, nil)
	if err != nil {
		return nil, err
	}
	s := &State{db: db, path: path}
	whole := true
	err = db.View(func(tx *bolt.Tx) error {
		for _, b := range buckets() {
			whole = whole && tx.Bucket(b) != nil
		}
		return nil
	})
	if err == nil && !whole {
		err = db.Update(func(tx *bolt.Tx) error {
			for _, b := range buckets() {
				if _, err := tx.CreateBucketIfNotExists(b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		_, err = s.Given() // all else may be missing, this must be whole
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func buckets() [][]byte { return [][]byte{bucketGiven, bucketRows, bucketValue} }

// Close closes the file. What is noted is lost, unless Keep wrote it. A file in
// which damage was met is set aside.
func (s *State) Close() error {
	err := s.db.Close()
	switch {
	case s.scratch != "":
		err = errors.Join(err, os.RemoveAll(s.scratch))
	case s.db.Damage() != nil && !s.readOnly:
		err = errors.Join(err, boltfile.SetAside(s.path, aside(s.path)))
	}
	return err
}

// Given reads what was given to the disk.
func (s *State) Given() (Given, error) {
	g := Given{Materialised: map[string]object.ID{}}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketGiven).ForEach(func(k, v []byte) error {
			switch {
			case string(k) == "A":
				g.Known = true
				if len(v)%32 != 0 {
					return fmt.Errorf("%w: what was given to the disk", boltfile.ErrDamaged)
				}
				for ; len(v) > 0; v = v[32:] {
					g.A = append(g.A, object.ID(v[:32]))
				}
			case len(k) > 0 && k[0] == 'm' && len(v) == 32:
				g.Materialised[string(k[1:])] = object.ID(v)
			default:
				return fmt.Errorf("%w: what was given to the disk", boltfile.ErrDamaged)
			}
			return nil
		})
	})
	return g, err
}

// SetGiven replaces what was given to the disk, in one durable transaction.
func (s *State) SetGiven(g Given) error {
	return s.update(func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket(bucketGiven); err != nil {
			return err
		}
		b, err := tx.CreateBucket(bucketGiven)
		if err != nil {
			return err
		}
		v := []byte{}
		for _, id := range g.A {
			v = append(v, id[:]...)
		}
		if err := b.Put([]byte("A"), v); err != nil {
			return err
		}
		for path, id := range g.Materialised {
			if err := b.Put([]byte("m"+path), id[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Row returns the stat cache's row of a directory, nil when there is none.
func (s *State) Row(mapping, dir string) ([]byte, error) {
	return s.get(bucketRows, rowKey(mapping, dir))
}

func (s *State) get(bucket, key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v, ok := s.noted.get(bucket, key); ok {
		return bytes.Clone(v), nil
	}
	var out []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		if v := tx.Bucket(bucket).Get(key); v != nil {
			out = append([]byte{}, v...)
		}
		return nil
	})
	return out, err
}

func rowKey(mapping, dir string) []byte { return []byte(mapping + "\x00" + dir) }

// maxKey is bbolt's: a directory with a longer path has no row.
const maxKey = bolt.MaxKeySize

// NoteRows replaces rows of one mapping by directory; an empty row removes. The
// stat cache may be lost, so few rows are noted; many are written here and now,
// in several transactions. Then those of a directory come before those of the
// directories in it: after a crash a directory whose row is older than that of
// the one around it is looked at again, while the one around it would not see
// that it is not the same.
func (s *State) NoteRows(mapping string, rows map[string][]byte) error {
	for _, dir := range slices.Sorted(maps.Keys(rows)) {
		k := rowKey(mapping, dir)
		if len(k) > maxKey {
			continue
		}
		if err := s.note(bucketRows, k, rows[dir]); err != nil {
			return err
		}
	}
	return nil
}

// DropRows forgets the stat cache of a mapping.
func (s *State) DropRows(mapping string) error {
	return s.update(func(tx *bolt.Tx) error { return drop(tx.Bucket(bucketRows), mapping+"\x00", "") })
}

// drop deletes the keys that begin with prefix, but for those that begin with
// keep (if it is not empty). A cursor that deletes may skip keys, so they are
// collected before.
func drop(b *bolt.Bucket, prefix, keep string) error {
	for _, k := range toDrop(b, prefix, keep) {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func toDrop(b *bolt.Bucket, prefix, keep string) [][]byte {
	var out [][]byte
	c := b.Cursor()
	k, _ := c.Seek([]byte(prefix))
	for bytes.HasPrefix(k, []byte(prefix)) {
		if keep != "" && bytes.HasPrefix(k, []byte(keep)) { // many: behind them
			k, _ = c.Seek(after(keep))
			continue
		}
		out = append(out, bytes.Clone(k))
		k, _ = c.Next()
	}
	return out
}

// after is the first key behind all that begin with a prefix, whose last byte is
// not 255.
func after(prefix string) []byte {
	b := []byte(prefix)
	b[len(b)-1]++
	return b
}

// Value returns a named value, nil when there is none.
func (s *State) Value(name string) ([]byte, error) { return s.get(bucketValue, []byte(name)) }

// SetValue keeps a named value durably; nil removes it.
func (s *State) SetValue(name string, v []byte) error {
	return s.update(func(tx *bolt.Tx) error { return put(tx.Bucket(bucketValue), []byte(name), v) })
}

// NoteValue keeps a named value; nil removes it. A crash may lose it, with all
// that was noted after it.
func (s *State) NoteValue(name string, v []byte) error {
	return s.note(bucketValue, []byte(name), v)
}

// DropValues removes the named values that begin with prefix, but for those
// that begin with keep.
func (s *State) DropValues(prefix, keep string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	some := len(s.noted.of) > 0
	err := s.db.View(func(tx *bolt.Tx) error {
		some = some || len(toDrop(tx.Bucket(bucketValue), prefix, keep)) > 0
		return nil
	})
	if err != nil || !some || s.readOnly {
		return err
	}
	return s.write(func(tx *bolt.Tx) error { return drop(tx.Bucket(bucketValue), prefix, keep) })
}

// Reset forgets everything: the home joins another vault.
func (s *State) Reset() error {
	return s.update(func(tx *bolt.Tx) error {
		for _, b := range buckets() {
			if err := tx.DeleteBucket(b); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		return nil
	})
}
