package cas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// One call of the file system fails, at any place of a run that fills many
// packs; the store goes on. Whatever a later Commit acknowledges is there
// after the store was opened again, also what was put when the call failed.
func TestOneFailedCallLosesNothing(t *testing.T) {
	ctx := context.Background()
	run := func(n int64) (calls int64) {
		mem := vfs.NewMem()
		f := &vfs.Fail{FS: mem, N: n, Err: syscall.EIO, Once: true}
		index := filepath.Join(t.TempDir(), "index.db")
		s, err := open(t, f, "repo", index)
		if err != nil {
			if s, err = open(t, f, "repo", index); err != nil {
				t.Fatalf("call %d: the store does not open after one failure: %v", n, err)
			}
		}
		s.SetPackTarget(300 << 10)
		r := rand.New(rand.NewPCG(3, 4))
		var put []object.ID
		failed := 0
		for i := range 30 {
			b := content(r, 100<<10)
			kind := object.KindChunk
			if i%3 == 0 {
				_, b = object.EmptyTree(s.Hasher()) // metadata has packs of its own
			}
			id, err := s.Put(ctx, kind, b)
			if err != nil {
				failed++
			}
			put = append(put, id)
			if i%10 == 9 {
				if err := s.Commit(ctx); err != nil {
					failed++
					if again := s.Commit(ctx); again != nil {
						continue // poisoned: nothing more is acknowledged
					}
				}
				if err := there(mem, t, index, put); err != nil {
					t.Errorf("call %d failed, later commits succeeded: %v", n, err)
				}
			}
		}
		if n > 0 && failed == 0 && f.Calls() >= n {
			t.Errorf("call %d failed and nobody was told", n)
		}
		s.Close()
		return f.Calls()
	}
	for n := range run(0) {
		run(n + 1)
	}
}

// there opens the repository a second time, with an index of its own, and
// looks for objects.
func there(mem *vfs.Mem, t *testing.T, index string, ids []object.ID) error {
	s, err := open(t, mem, "repo", index+".second")
	if err != nil {
		return err
	}
	defer s.Close()
	for i, id := range ids {
		if _, err := s.Get(context.Background(), id); err != nil {
			return fmt.Errorf("object %d: %w", i, err)
		}
	}
	return nil
}
