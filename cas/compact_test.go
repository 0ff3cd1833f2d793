package cas_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

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
