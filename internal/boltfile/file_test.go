package boltfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// filled makes a file with nested buckets, pages that overflow and free pages.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	f, err := Open(path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		err := f.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("top"))
			if err != nil {
				return err
			}
			in, err := b.CreateBucketIfNotExists([]byte("within"))
			if err != nil {
				return err
			}
			for i := range 500 {
				if err := errors.Join(b.Put(fmt.Appendf(nil, "k%d", i), make([]byte, 40*i)), in.Put(fmt.Appendf(nil, "%d %d", round, i), nil)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file is read when it is not as it was closed, and only then.
func TestOpenReadsWhatIsNotAsItWasClosed(t *testing.T) {
	path := filled(t)
	seen := 0
	reopen := func(want int) {
		t.Helper()
		seen = 0
		f, err := Open(path, false, func(bucket string, key, _ []byte) error {
			if bucket != "top" || key[0] != 'k' {
				t.Errorf("%s %q", bucket, key)
			}
			seen++
			return nil
		})
		if err != nil || seen != want {
			t.Fatalf("%d keys of %d were read: %v", seen, want, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	reopen(0)
	if err := os.Remove(path + stampSuffix); err != nil {
		t.Fatal(err)
	}
	reopen(500)
	reopen(0)
	if err := os.WriteFile(path+stampSuffix, []byte("1 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reopen(500)
}

// What its owner finds wrong is damage as well.
func TestDamageThatTheOwnerFinds(t *testing.T) {
	path := filled(t)
	if err := os.Remove(path + stampSuffix); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("wrong")
	if _, err := Open(path, false, func(string, []byte, []byte) error { return wrong }); !errors.Is(err, ErrDamaged) || !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
	f, err := Open(path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func(func(*bolt.Tx) error) error{f.View, f.Update, f.View} {
		if err := do(func(*bolt.Tx) error { return fmt.Errorf("%w: so", ErrDamaged) }); !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path + stampSuffix); err == nil {
		t.Error("it counts as whole")
	}
}

// A file without a freelist is no file of ours: bbolt would look for its free
// pages where no panic can be recovered.
func TestFileWithoutFreelist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte(name)); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, false, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// A write transaction that meets damage in bbolt itself leaves no lock behind
// that the next one, or Close, waits for.
func TestPanicOfCommit(t *testing.T) {
	path := filled(t)
	f, err := Open(path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("top"))
		for i := range 200 { // nodes that must be merged with their neighbours, which are gone
			if err := b.Delete(fmt.Appendf(nil, "k%d", i)); err != nil {
				return err
			}
		}
		return os.Truncate(path, int64(2*os.Getpagesize()))
	})
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if err := f.Update(func(*bolt.Tx) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if err := f.View(func(*bolt.Tx) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// A link in the place of the stamp is replaced, not followed.
func TestStampIsNoLink(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "x.db"), filepath.Join(dir, "precious")
	if err := errors.Join(os.WriteFile(other, []byte("precious"), 0o600), os.Symlink(other, path+".whole")); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(other); string(b) != "precious" || err != nil {
		t.Errorf("the other file holds %q: %v", b, err)
	}
	if fi, err := os.Lstat(path + ".whole"); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("no stamp: %v", err)
	}
}
