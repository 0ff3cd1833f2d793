package cas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// indexed is a store of a few thousand objects and its index.
func indexed(t *testing.T) (mem *vfs.Mem, index string, ids []object.ID) {
	t.Helper()
	mem, index = vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
	s := mustOpen(t, mem, "repo", index)
	s.SetIndexPart(300) // some lie in runs, some came lately
	r := rand.New(rand.NewPCG(4, 4))
	for range 5 {
		for range 400 {
			id, err := s.Put(context.Background(), object.KindChunk, content(r, 20))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := s.Commit(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return mem, index, ids
}

// Whatever is damaged in the index: it is built again where it has to be, and
// holds everything.
func TestDamageAnywhereInIndex(t *testing.T) {
	ctx := context.Background()
	mem, index, ids := indexed(t)
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	rebuilt := 0
	try := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(index, b, 0o600); err != nil {
			t.Fatal(err)
		}
		// A file that is damaged within a tick of the clock may seem to be as it was closed.
		if err := os.Remove(index + ".whole"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := cas.Open(ctx, cas.Options{Backend: dir.New(mem, "repo", "test", nil), Index: index, Keys: secret().Keys(),
			Device: object.DeviceID{1}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		miss, err := s.Missing(ctx, ids)
		if err != nil || len(miss) > 0 {
			t.Fatalf("%s: %d objects are missing: %v", name, len(miss), err)
		}
		for i := 0; i < len(ids); i += 7 {
			if _, err := s.Get(ctx, ids[i]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.Contains(log.String(), "building index.db again") {
			rebuilt++
		}
	}
	page := os.Getpagesize()
	for at := 0; at < len(whole); at += page {
		b := bytes.Clone(whole)
		clear(b[at:min(at+page, len(b))])
		try(fmt.Sprintf("page %d zeroed", at/page), b)
	}
	for percent := range 100 {
		try(fmt.Sprintf("cut to %d %%", percent), whole[:len(whole)*percent/100])
	}
	for _, name := range []string{"objects", "runs", "packs", "numbers", "self"} {
		other := []byte(name)
		other[len(name)-1]++
		try("no bucket "+name, bytes.ReplaceAll(whole, []byte(name), other))
	}
	try("no generation", bytes.ReplaceAll(whole, []byte("generation"), []byte("generatioN")))
	r := rand.New(rand.NewPCG(5, 5))
	for i := range 200 {
		b := bytes.Clone(whole)
		at := r.IntN(len(b))
		switch i % 3 {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			copy(b[at:], content(r, r.IntN(page)))
		case 2:
			from := r.IntN(len(b)/page) * page
			copy(b[at/page*page:], whole[from:from+page])
		}
		try(fmt.Sprintf("damage %d at %d", i, at), b)
	}
	if rebuilt < 100 {
		t.Errorf("the index was built again %d times: nothing was tried", rebuilt)
	}
}

// Damage that comes while the index is open is an error that says nothing of
// what is stored, and the next start builds another index.
func TestDamageWhileIndexIsOpen(t *testing.T) {
	ctx := context.Background()
	mem, index, ids := indexed(t)
	s := mustOpen(t, mem, "repo", index)
	if err := os.Truncate(index, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Missing(ctx, ids); !errors.Is(err, cas.ErrIndex) || errors.Is(err, cas.ErrDamaged) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := s.Put(ctx, object.KindChunk, []byte("more")); !errors.Is(err, cas.ErrIndex) {
		t.Fatalf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, mem, "repo", index)
	defer s.Close()
	if miss, err := s.Missing(ctx, ids); err != nil || len(miss) > 0 {
		t.Fatalf("%d objects are missing: %v", len(miss), err)
	}
}
