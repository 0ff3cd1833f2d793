package cas_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// What a dry store names is named so by the store itself, and nothing is stored.
func TestDryNamesAndStoresNothing(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	d := s.Dry()
	r := rand.NewChaCha8([32]byte{9})
	var entries []object.Entry
	for i, size := range []int{0, 1, object.InlineMax, object.InlineMax + 1, 64 << 10, 64<<10 + 1, 3 << 20, 9 << 20} {
		b := make([]byte, size)
		r.Read(b)
		for _, said := range []int{size, size + 100<<10} { // and a file that shrank
			c, n, err := d.WriteFile(ctx, bytes.NewReader(b), int64(said))
			if err != nil || n != uint64(size) {
				t.Fatal(size, n, err)
			}
			if i%2 == 0 { // some are stored, too, before their trees are looked for
				stored, _, err := s.WriteFile(ctx, bytes.NewReader(b), int64(said))
				if err != nil || stored != c {
					t.Errorf("%d bytes: %v, stored they are %v, %v", size, c, stored, err)
				}
			} else if c.Kind != 0 {
				if _, err := s.Get(ctx, c.ID); !errors.Is(err, object.ErrMissing) {
					t.Errorf("%d bytes are in the store: %v", size, err)
				}
			}
			if said == size {
				entries = append(entries, object.Entry{Name: string(rune('a' + i)), Kind: object.File, Content: c, Size: uint64(size)})
			}
		}
	}
	tree, _, err := object.BuildTree(ctx, d.Hasher(), d, func(yield func(object.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range object.Walk(ctx, d, tree) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != len(entries) {
		t.Errorf("%d entries come back of %d", n, len(entries))
	}
	if m, err := d.Missing(ctx, []object.ID{tree}); err != nil || len(m) > 0 {
		t.Errorf("missing: %v, %v", m, err)
	}
	if m, err := s.Missing(ctx, []object.ID{tree}); err != nil || len(m) != 1 {
		t.Errorf("in the store: missing %v, %v", m, err)
	}
}
