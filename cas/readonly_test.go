package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// What a store holds is read where nothing can be written: by the index that is
// there, left as it is, or by another when that one is not right.
func TestReadOnly(t *testing.T) {
	ctx := context.Background()
	mem, index := vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
	s := mustOpen(t, mem, "repo", index)
	r := rand.New(rand.NewPCG(5, 6))
	put := func() object.ID {
		id, err := s.Put(ctx, object.KindChunk, content(r, 1000))
		if err == nil {
			err = s.Commit(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	ids := []object.ID{put()}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, mem, "repo", index)
	ids = append(ids, put())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"whole": now, "older": old, "damaged": bytes.Repeat([]byte("x"), 1<<14), "missing": nil} {
		t.Run(what, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			index := filepath.Join(t.TempDir(), "index.db")
			if b != nil {
				if err := os.WriteFile(index, b, 0o400); err != nil {
					t.Fatal(err)
				}
			}
			s, err := cas.Open(ctx, cas.Options{Backend: dir.New(mem, "repo", "dev", nil), Index: index, ReadOnly: true, Keys: secret().Keys(), Device: object.DeviceID{1}})
			if err != nil {
				t.Fatal(err)
			}
			missing, err := s.Missing(ctx, ids)
			if err != nil || len(missing) > 0 {
				t.Errorf("%d objects of %d missing, %v", len(missing), len(ids), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			got, err := os.ReadFile(index)
			if b == nil && !errors.Is(err, fs.ErrNotExist) || b != nil && !bytes.Equal(got, b) {
				t.Errorf("the index was written: %v", err)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary directory: %v, %v", left, err)
			}
		})
	}
}

// Damage that is met where nothing can be noted is damage, and no trouble with
// the index.
func TestDamageOfReadOnly(t *testing.T) {
	ctx := context.Background()
	d := newDamaged(t)
	ids, pack := d.pack(plain(2, 1000)...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := flip(pack, 40); err != nil {
		t.Fatal(err)
	}
	s, err := cas.Open(ctx, cas.Options{Backend: dir.New(vfs.OS{}, d.root, "dev", nil), Index: d.index, ReadOnly: true, Keys: secret().Keys(), Device: object.DeviceID{2}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		_, err := s.Get(ctx, ids[0])
		if !errors.Is(err, cas.ErrDamaged) || strings.Contains(err.Error(), "read-only") {
			t.Errorf("got %v", err)
		}
	}
}
