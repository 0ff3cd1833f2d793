package cas_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// A small pack that is damaged stays as it is; the others are merged all the
// same, and whatever could be read before can be read after.
func TestCompactLeavesADamagedPackAlone(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	defer s.Close()
	packs := func() (out []string) {
		err := filepath.WalkDir(filepath.Join(tmp, "repo"), func(p string, d fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(p) == ".pack" {
				out = append(out, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var ids []object.ID
	for i := range 30 {
		id, err := s.Put(ctx, object.KindChunk, []byte{byte(i), 1, 2, 3})
		if err == nil {
			err = s.Commit(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	hurt := packs()[:2]
	b, err := os.ReadFile(hurt[0])
	if err != nil {
		t.Fatal(err)
	}
	b[40] ^= 1
	if err := os.WriteFile(hurt[0], b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(hurt[1]); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(packs()); n != 2 {
		t.Errorf("%d packs", n)
	}
	if _, err := os.Lstat(hurt[0]); err != nil {
		t.Error(err)
	}
	unreadable := 0
	for _, id := range ids {
		if _, err := s.Get(ctx, id); err != nil {
			unreadable++
		}
	}
	if unreadable != 2 {
		t.Errorf("%d objects cannot be read", unreadable)
	}
}

// writes counts the bytes of the packs that are written.
type writes struct {
	cas.Backend
	bytes int
}

func (w *writes) Write(name string, parts ...[]byte) error {
	for _, p := range parts {
		w.bytes += len(p)
	}
	return w.Backend.Write(name, parts...)
}

// Saves one after the other leave few packs, and none of them is written again
// and again.
func TestCompactCostsLittle(t *testing.T) {
	ctx := context.Background()
	const saves = 2000
	for _, most := range []int{100, 5000} { // bytes of a save
		w := &writes{Backend: dir.New(vfs.NewMem(), "repo", "test", nil)}
		s, err := cas.Open(ctx, cas.Options{Backend: w, Index: filepath.Join(t.TempDir(), "index.db"), Keys: secret().Keys(), Device: object.DeviceID{1}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := rand.New(rand.NewPCG(1, uint64(most)))
		for range saves {
			if _, err := s.Put(ctx, object.KindChunk, content(r, 1+r.IntN(most))); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(s.Commit(ctx), s.Compact(ctx)); err != nil {
				t.Fatal(err)
			}
		}
		packs, kept := 0, 0
		for f, err := range w.List("packs") {
			if err != nil {
				t.Fatal(err)
			}
			packs, kept = packs+1, kept+int(f.Size)
		}
		t.Logf("%d saves: %d packs, %d bytes kept, %d written", saves, packs, kept, w.bytes)
		if packs > 30 || w.bytes > 10*kept {
			t.Errorf("%d saves: %d packs, %d bytes kept, %d written", saves, packs, kept, w.bytes)
		}
	}
}
