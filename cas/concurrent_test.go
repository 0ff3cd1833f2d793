package cas_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Writers, readers, commits and compactions at once: what was put is readable
// at every moment, wherever it lies by then.
func TestReadingWhileWriting(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, vfs.NewMem(), "repo", filepath.Join(t.TempDir(), "index.db"))
	s.SetPackTarget(64 << 10)
	const writers, objects = 4, 60
	var mu sync.Mutex
	var put []object.ID
	want := map[object.ID][]byte{}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	errs := make(chan error, 64)
	fail := func(err error) {
		select {
		case errs <- err:
		default:
		}
	}
	for w := range writers {
		writing.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range objects {
				b := content(r, 1+r.IntN(20<<10))
				id, err := s.Put(ctx, object.KindChunk, b)
				if err == nil && i%5 == 4 {
					err = s.Commit(ctx)
				}
				if err == nil && i%10 == 9 {
					err = s.Compact(ctx)
				}
				if err != nil {
					fail(err)
					return
				}
				mu.Lock()
				put = append(put, id)
				want[id] = b
				mu.Unlock()
			}
		})
	}
	for k := range 3 {
		reading.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 2))
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.Lock()
				var id object.ID
				var b []byte
				if len(put) > 0 {
					id = put[r.IntN(len(put))]
					b = want[id]
				}
				mu.Unlock()
				if b == nil {
					continue
				}
				got, err := s.Get(ctx, id)
				if err != nil || !bytes.Equal(got, b) {
					fail(fmt.Errorf("an object that was put reads as %d bytes of %d: %v", len(got), len(b), err))
					return
				}
				for k, err := range s.Blocks(ctx, []object.ID{id}, func(object.ID) { fail(fmt.Errorf("%s is missing", id.Short())) }) {
					if err != nil || len(k.IDs) == 0 {
						fail(fmt.Errorf("blocks: %v", err))
						return
					}
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	for id, b := range want {
		if got, err := s.Get(ctx, id); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%s at the end: %v", id.Short(), err)
		}
	}
}
