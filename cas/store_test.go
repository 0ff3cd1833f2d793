package cas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

func secret() keyring.Secret {
	var s keyring.Secret
	copy(s[:], "a test's own secret of 32 bytes.")
	return s
}

// open opens a store in a directory of fsys with its index in a real one.
func open(t testing.TB, fsys vfs.FS, root, index string) (*cas.Store, error) {
	t.Helper()
	return cas.Open(context.Background(), cas.Options{
		Backend: dir.New(fsys, root, "dev", nil), Index: index, Keys: secret().Keys(), Device: object.DeviceID{1},
	})
}

func mustOpen(t testing.TB, fsys vfs.FS, root, index string) *cas.Store {
	t.Helper()
	s, err := open(t, fsys, root, index)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func content(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

func read(t testing.TB, s *cas.Store, c object.Content) []byte {
	t.Helper()
	var out []byte
	for b, err := range s.Stream(context.Background(), c, 0) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func TestWriteFileReadsBack(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	s := mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	r := rand.New(rand.NewPCG(1, 2))
	files := map[object.Content][]byte{}
	for _, n := range []int{0, 1, 128, 129, 64 << 10, 64<<10 + 1, 300 << 10, 3 << 20, 9<<20 + 7} {
		b := content(r, n)
		c, size, err := s.WriteFile(ctx, bytes.NewReader(b), int64(n))
		if err != nil || size != uint64(n) {
			t.Fatal(n, size, err)
		}
		e := object.Entry{Name: "x", Kind: object.File, Content: c, Size: size}
		if err := e.Check(); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		files[c] = b
		if !bytes.Equal(read(t, s, c), b) {
			t.Fatalf("%d bytes read back differently before the commit", n)
		}
		c2, _, err := s.WriteFile(ctx, bytes.NewReader(b), 0) // a size that lies
		if err != nil || c2 != c {
			t.Fatalf("%d bytes: equal bytes have content %v and %v: %v", n, c, c2, err)
		}
	}
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	check := func(what string, s *cas.Store) {
		for c, b := range files {
			if !bytes.Equal(read(t, s, c), b) {
				t.Fatalf("%s: %d bytes read back differently", what, len(b))
			}
			var half []byte
			for p, err := range s.Stream(ctx, c, uint64(len(b)/2)) {
				if err != nil {
					t.Fatal(what, err)
				}
				half = append(half, p...)
			}
			if !bytes.Equal(half, b[len(b)/2:]) {
				t.Fatalf("%s: %d bytes from the middle on read back differently", what, len(b))
			}
		}
		for d, err := range s.Verify(ctx) {
			t.Fatal(what, d, err)
		}
	}
	check("committed", s)
	s.Close()
	s = mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	check("opened again", s)
	s.Close()
	if err := os.Remove(filepath.Join(tmp, "index.db")); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	check("without index", s)
	s.Close()
	if err := os.WriteFile(filepath.Join(tmp, "index.db"), content(r, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, vfs.OS{}, filepath.Join(tmp, "repo"), filepath.Join(tmp, "index.db"))
	check("with a damaged index", s)
}

// crash runs commits on a file system in memory, crashes it and reports what
// was acknowledged and is lost.
func crash(t *testing.T, seed uint64, drop bool) error {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seed, 7))
	mem := vfs.NewMem()
	mem.DropSyncs = drop
	index := filepath.Join(t.TempDir(), "index.db")
	acked := map[object.ID][]byte{}
	for range 3 {
		s, err := open(t, mem, "repo", index)
		if err != nil {
			return err
		}
		fresh := map[object.ID][]byte{}
		for range r.IntN(30) + 1 {
			b := content(r, r.IntN(200<<10)+1)
			id, err := s.Put(ctx, object.KindChunk, b)
			if err != nil {
				return err
			}
			fresh[id] = b
			if r.IntN(5) == 0 {
				if err := s.Commit(ctx); err != nil {
					return err
				}
				for id, b := range fresh {
					acked[id] = b
				}
				clear(fresh)
			}
		}
		s.Close()
		mem.Crash(r)
		if r.IntN(2) == 0 { // the index is no part of the promise
			os.Remove(index)
		}
		if s, err = open(t, mem, "repo", index); err != nil {
			return err
		}
		for id, b := range acked {
			got, err := s.Get(ctx, id)
			if err != nil || !bytes.Equal(got, b) {
				s.Close()
				return fmt.Errorf("seed %d: acknowledged object %s lost: %v", seed, id.Short(), err)
			}
		}
		s.Close()
	}
	return nil
}

func TestCrashKeepsWhatWasCommitted(t *testing.T) {
	for seed := range uint64(40) {
		if err := crash(t, seed, false); err != nil {
			t.Fatal(err)
		}
	}
}

// The control: without syncs the same test must find losses.
func TestCrashControl(t *testing.T) {
	lost := 0
	for seed := range uint64(10) {
		if crash(t, seed, true) != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Fatal("dropped syncs lose nothing: the crash test cannot fail")
	}
}

// Every call of the file system fails once, in turn: nothing acknowledged is
// lost, and the error says so.
func TestFailEveryCall(t *testing.T) {
	ctx := context.Background()
	run := func(n int64) (calls int64) {
		mem := vfs.NewMem()
		f := &vfs.Fail{FS: mem, N: n, Err: syscall.EIO}
		index := filepath.Join(t.TempDir(), "index.db")
		acked := map[object.ID]bool{}
		s, err := open(t, f, "repo", index)
		if err == nil {
			r := rand.New(rand.NewPCG(3, 4))
			for range 4 {
				id, err := s.Put(ctx, object.KindChunk, content(r, 150<<10))
				if err == nil {
					err = s.Commit(ctx)
				}
				if err == nil {
					acked[id] = true
				}
			}
			s.Close()
		}
		s = mustOpen(t, mem, "repo", index)
		for id := range acked {
			if _, err := s.Get(ctx, id); err != nil {
				t.Fatalf("call %d failed: acknowledged object lost: %v", n, err)
			}
		}
		s.Close()
		return f.Calls()
	}
	for n := range run(0) {
		run(n + 1)
	}
}

func TestAppendTakesOnlyWhatItShould(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	a := mustOpen(t, vfs.NewMem(), "a", filepath.Join(tmp, "a.db"))
	b := mustOpen(t, vfs.NewMem(), "b", filepath.Join(tmp, "b.db"))
	r := rand.New(rand.NewPCG(5, 6))
	var ids []object.ID
	for range 50 {
		id, err := a.Put(ctx, object.KindChunk, content(r, 9000))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, committed := range []bool{false, true} {
		var blocks []cas.Block
		for k, err := range a.Blocks(ctx, ids[:45], func(id object.ID) { t.Fatal("missing", id) }) {
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, k)
		}
		if !committed {
			if err := a.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want := map[object.ID]bool{}
		for _, id := range ids[:45] {
			want[id] = true
		}
		for _, k := range blocks {
			for _, bit := range []int{0, 4, 5, 8, 30, len(k.Bytes) - 1} {
				bad := bytes.Clone(k.Bytes)
				bad[bit] ^= 1
				if _, err := b.Append(ctx, cas.Block{IDs: k.IDs, Bytes: bad}, nil); !errors.Is(err, cas.ErrViolation) {
					t.Fatalf("a block with a flipped bit in byte %d: %v", bit, err)
				}
			}
			if _, err := b.Append(ctx, k, func(object.ID) bool { return false }); !errors.Is(err, cas.ErrViolation) {
				t.Fatalf("a block that nobody asked for: %v", err)
			}
			swapped := append([]object.ID{k.IDs[1], k.IDs[0]}, k.IDs[2:]...)
			if _, err := b.Append(ctx, cas.Block{IDs: swapped, Bytes: k.Bytes}, nil); !errors.Is(err, cas.ErrViolation) {
				t.Fatalf("a block with swapped ids: %v", err)
			}
			if _, err := b.Append(ctx, k, func(id object.ID) bool { return want[id] }); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		miss, err := b.Missing(ctx, ids[:45])
		if err != nil || len(miss) > 0 {
			t.Fatal(miss, err)
		}
	}
}

// 1,000 saves of a watched directory, each with content and metadata, leave
// at most 100 pack files.
func TestCompactLeavesFewPacks(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	mem := vfs.NewMem()
	index := filepath.Join(tmp, "index.db")
	s := mustOpen(t, mem, "repo", index)
	var ids []object.ID
	r := rand.New(rand.NewPCG(8, 8))
	for i := range 1000 {
		id, err := s.Put(ctx, object.KindChunk, content(r, 500))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		e := object.Entry{Name: fmt.Sprint(i), Kind: object.File, Size: 500, Content: object.Content{Kind: object.KindChunk, ID: id}}
		tree, _, err := object.BuildTree(ctx, s.Hasher(), s, func(yield func(object.Entry, error) bool) { yield(e, nil) })
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tree)
		if err := s.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Compact(ctx); err != nil {
			t.Fatal(err)
		}
	}
	st, err := s.Stats(ctx)
	if err != nil || st.Packs > 100 {
		t.Fatalf("%+v %v", st, err)
	}
	for _, id := range ids {
		if _, err := s.Get(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	os.Remove(index)
	s = mustOpen(t, mem, "repo", index)
	for _, id := range ids {
		if _, err := s.Get(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}
