package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// A damaged object can be stored again once it is forgotten, with what lay
// beside it; a readable one is not forgotten, and a second copy is found.
func TestForgetADamagedObject(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	root, index := filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db")
	s := mustOpen(t, vfs.OS{}, root, index)
	plain := [][]byte{[]byte("one of a block"), []byte("two of a block"), []byte("of another pack")}
	var ids []object.ID
	put := func(list ...[]byte) {
		t.Helper()
		for _, b := range list {
			id, err := s.Put(ctx, object.KindChunk, b)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := s.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	packs := func() (out []string) {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
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
	put(plain[:2]...)
	hurt := packs()[0]
	put(plain[2])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(hurt)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(good)
	bad[40] ^= 1
	if err := os.WriteFile(hurt, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, vfs.OS{}, root, index)
	before := s.Generation()
	if err := s.Forget(ctx, ids[2]); err != nil || s.Generation() != before {
		t.Fatalf("a readable object is forgotten: %v", err)
	}
	for _, i := range []int{2, 0} {
		if err := s.Forget(ctx, ids[i]); err != nil {
			t.Fatal(err)
		}
	}
	if s.Generation() == before {
		t.Error("what was derived from its presence still holds")
	}
	if has, err := s.Has(ctx, ids); err != nil || has[0] || has[1] || !has[2] {
		t.Fatalf("it has %v: %v", has, err)
	}
	ids = nil
	put(plain...)
	for i, id := range ids {
		if b, err := s.Get(ctx, id); err != nil || !bytes.Equal(b, plain[i]) {
			t.Errorf("stored again, it reads %q: %v", b, err)
		}
	}
	if err := errors.Join(s.Close(), os.Remove(index)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, vfs.OS{}, root, index) // which of the two copies it knows is chance
	defer s.Close()
	for i, id := range ids {
		if err := s.Forget(ctx, id); err != nil {
			t.Fatal(err)
		}
		if b, err := s.Get(ctx, id); err != nil || !bytes.Equal(b, plain[i]) {
			t.Errorf("its copy reads %q: %v", b, err)
		}
	}
}
