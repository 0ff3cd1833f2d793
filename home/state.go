package home

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bsvsync/bsv/object"
)

var (
	bucketGiven = []byte("given")  // "A" → ids; "m" + virtual path → tree id
	bucketRows  = []byte("rows")   // virtual path of a mapping NUL directory → row
	bucketValue = []byte("values") // name → bytes
)

// State is state.db: what may be lost without losing a version.
type State struct{ db *bolt.DB }

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
	s, err := tryState(path)
	if err == nil {
		return s, nil
	}
	// What the system refuses (no space, no right, a lock) says nothing of
	// what the file holds.
	var errno syscall.Errno
	if errors.As(err, &errno) || errors.Is(err, fs.ErrPermission) || errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open state: %w", err)
	}
	aside := path + ".damaged"
	log.Warn("state.db is damaged: set aside, a new one begins", "err", err, "aside", aside)
	if rerr := os.Rename(path, aside); rerr != nil {
		return nil, fmt.Errorf("open state: %w", errors.Join(err, rerr))
	}
	return tryState(path)
}

func tryState(path string) (s *State, err error) {
	defer func() {
		if r := recover(); r != nil { // bbolt panics on damaged pages
			err = fmt.Errorf("%w: state: %v", ErrDamaged, r)
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 5 * time.Second, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketGiven, bucketRows, bucketValue} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return nil
	})
	s = &State{db}
	if err == nil {
		_, err = s.Given() // all else may be missing, this must be whole
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *State) Close() error { return s.db.Close() }

// Given reads what was given to the disk.
func (s *State) Given() (Given, error) {
	g := Given{Materialised: map[string]object.ID{}}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketGiven).ForEach(func(k, v []byte) error {
			switch {
			case string(k) == "A":
				g.Known = true
				if len(v)%32 != 0 {
					return fmt.Errorf("%w: state", ErrDamaged)
				}
				for ; len(v) > 0; v = v[32:] {
					g.A = append(g.A, object.ID(v[:32]))
				}
			case k[0] == 'm' && len(v) == 32:
				g.Materialised[string(k[1:])] = object.ID(v)
			default:
				return fmt.Errorf("%w: state", ErrDamaged)
			}
			return nil
		})
	})
	return g, err
}

// SetGiven replaces what was given to the disk, in one durable transaction.
func (s *State) SetGiven(g Given) error {
	return s.db.Update(func(tx *bolt.Tx) error {
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
	var out []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		if v := tx.Bucket(bucketRows).Get(rowKey(mapping, dir)); v != nil {
			out = append([]byte{}, v...)
		}
		return nil
	})
	return out, err
}

func rowKey(mapping, dir string) []byte { return []byte(mapping + "\x00" + dir) }

// maxKey is bbolt's: a directory with a longer path has no row.
const maxKey = bolt.MaxKeySize

// rowsAtOnce is how many bytes of rows one transaction takes, about: it holds
// them in memory several times over.
const rowsAtOnce = 4 << 20

// SetRows replaces rows of one mapping by directory; an empty row removes.
// The stat cache may be lost, so this does not wait for the disk. Of many rows
// those of a directory come before those of the directories in it: after a crash
// a directory whose row is older than that of the one around it is looked at
// again, while the one around it would not see that it is not the same.
func (s *State) SetRows(mapping string, rows map[string][]byte) error {
	dirs := slices.Sorted(maps.Keys(rows))
	for len(dirs) > 0 {
		err := s.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketRows)
			for size := 0; len(dirs) > 0 && size < rowsAtOnce; dirs = dirs[1:] {
				k, v := rowKey(mapping, dirs[0]), rows[dirs[0]]
				if size += len(k) + len(v); len(k) > maxKey {
					continue
				}
				var err error
				if len(v) == 0 {
					err = b.Delete(k)
				} else {
					err = b.Put(k, v)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DropRows forgets the stat cache of a mapping.
func (s *State) DropRows(mapping string) error {
	return s.db.Update(func(tx *bolt.Tx) error { return drop(tx.Bucket(bucketRows), mapping+"\x00", "") })
}

// drop deletes the keys that begin with prefix, but for those that begin with
// keep (if it is not empty). A cursor that deletes may skip keys, so they are
// collected before.
func drop(b *bolt.Bucket, prefix, keep string) error {
	var old [][]byte
	c := b.Cursor()
	for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		if keep == "" || !bytes.HasPrefix(k, []byte(keep)) {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// Value returns a named value, nil when there is none.
func (s *State) Value(name string) ([]byte, error) {
	var out []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		if v := tx.Bucket(bucketValue).Get([]byte(name)); v != nil {
			out = append([]byte{}, v...)
		}
		return nil
	})
	return out, err
}

// SetValue keeps a named value; nil removes it.
func (s *State) SetValue(name string, v []byte) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if v == nil {
			return tx.Bucket(bucketValue).Delete([]byte(name))
		}
		return tx.Bucket(bucketValue).Put([]byte(name), v)
	})
}

// DropValues removes the named values that begin with prefix, but for those
// that begin with keep.
func (s *State) DropValues(prefix, keep string) error {
	return s.db.Update(func(tx *bolt.Tx) error { return drop(tx.Bucket(bucketValue), prefix, keep) })
}

// Reset forgets everything: the home joins another vault.
func (s *State) Reset() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketGiven, bucketRows, bucketValue} {
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
