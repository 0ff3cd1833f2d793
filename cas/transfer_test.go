package cas_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// sent are blocks of small objects as another device sends them; every object
// lies in several of them.
func sent(t *testing.T, r *rand.Rand, objects, blocks int) ([]object.ID, []cas.Block) {
	t.Helper()
	ctx := context.Background()
	s := mustOpen(t, vfs.NewMem(), "repo", filepath.Join(t.TempDir(), "index.db"))
	ids := make([]object.ID, objects)
	for i := range ids {
		var err error
		if ids[i], err = s.Put(ctx, object.KindChunk, content(r, 1+r.IntN(3000))); err != nil {
			t.Fatal(err)
		}
	}
	var out []cas.Block
	for i := range blocks {
		some := []object.ID{ids[i%objects]}
		for _, k := range r.Perm(objects)[:20] {
			if k != i%objects {
				some = append(some, ids[k])
			}
		}
		for b, err := range s.Blocks(ctx, some, func(id object.ID) { t.Error("missing", id) }) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b)
		}
	}
	return ids, out
}

// Several append blocks of the same objects at once: each object is new once,
// and is there after a commit, also for whoever opens the store then; commits
// in the middle change nothing.
func TestAppendingAtOnce(t *testing.T) {
	ctx := context.Background()
	for _, commits := range []bool{false, true} {
		t.Run(fmt.Sprint("commits ", commits), func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			ids, blocks := sent(t, r, 200, 200)
			mem, index := vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
			s := mustOpen(t, mem, "repo", index)
			s.SetPackTarget(64 << 10)
			var mu sync.Mutex
			told := map[object.ID]int{}
			var wg sync.WaitGroup
			for range 4 {
				order := r.Perm(len(blocks))
				wg.Go(func() {
					for n, i := range order {
						fresh, err := s.Append(ctx, blocks[i], nil)
						if err == nil && commits && n%16 == 15 {
							err = s.Commit(ctx)
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for _, id := range fresh {
							told[id]++
						}
						mu.Unlock()
						for _, id := range blocks[i].IDs {
							if _, err := s.Get(ctx, id); err != nil {
								t.Error("an object that was appended:", err)
								return
							}
						}
					}
				})
			}
			wg.Wait()
			for _, id := range ids {
				if told[id] == 0 || told[id] > 1 && !commits {
					t.Errorf("%s is new %d times", id.Short(), told[id])
				}
			}
			if err := s.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := there(mem, t, index, ids); err != nil {
				t.Error(err)
			}
		})
	}
}

// held is a backend whose first pack waits until it is let go, and then fails
// if there is an error.
type held struct {
	cas.Backend
	begun, free chan struct{}
	err         error
}

func (h *held) Write(name string, parts ...[]byte) error {
	if first := h.begun; strings.HasPrefix(name, "packs/") && first != nil {
		h.begun = nil
		close(first)
		<-h.free
		if h.err != nil {
			return h.err
		}
	}
	return h.Backend.Write(name, parts...)
}

// holding is a store whose first pack waits, which goes on beside: put is what
// it holds by then.
func holding(t *testing.T, mem *vfs.Mem, index string, err error) (s *cas.Store, h *held, put []object.ID, done chan error) {
	ctx := context.Background()
	begun := make(chan struct{})
	h = &held{Backend: dir.New(mem, "repo", "dev", nil), begun: begun, free: make(chan struct{}), err: err}
	s, oerr := cas.Open(ctx, cas.Options{Backend: h, Index: index, Keys: secret().Keys(), Device: object.DeviceID{1}})
	if oerr != nil {
		t.Fatal(oerr)
	}
	s.SetPackTarget(200 << 10)
	first, second := content(rand.New(rand.NewPCG(7, 8)), 150<<10), content(rand.New(rand.NewPCG(9, 10)), 150<<10)
	id, perr := s.Put(ctx, object.KindChunk, first)
	if perr != nil {
		t.Fatal(perr)
	}
	put = append(put, id, s.Hasher().Sum(object.KindChunk, second))
	done = make(chan error, 1)
	go func() {
		_, err := s.Put(ctx, object.KindChunk, second)
		done <- err
	}()
	<-begun
	return s, h, put, done
}

// While a pack is written others put and append, also when a commit waits for
// it; what was put before the commit is durable after it, however the writing
// ends, or the commit says that it is not.
func TestWritersGoOnWhileAPackIsWritten(t *testing.T) {
	_, blocks := sent(t, rand.New(rand.NewPCG(11, 12)), 30, 1)
	for name, c := range map[string]struct{ write, commit error }{
		"written":   {},
		"full disk": {write: syscall.ENOSPC}, // the commit tries again
		"poisoned":  {write: errors.Join(cas.ErrPoisoned, syscall.EIO), commit: cas.ErrPoisoned},
	} {
		t.Run(name, func(t *testing.T) {
			mem, index := vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				s, h, put, done := holding(t, mem, index, c.write)
				committed := make(chan error, 1)
				go func() { committed <- s.Commit(ctx) }()
				synctest.Wait()
				if _, err := s.Append(ctx, blocks[0], nil); err != nil {
					t.Error(err)
				}
				if _, err := s.Put(ctx, object.KindChunk, []byte("beside")); err != nil {
					t.Error(err)
				}
				select {
				case err := <-committed:
					t.Errorf("the commit does not wait for what was put before it: %v", err)
				default:
				}
				close(h.free)
				if err := <-done; !errors.Is(err, c.write) {
					t.Errorf("the writer is told %v", err)
				}
				err := <-committed
				if !errors.Is(err, c.commit) {
					t.Errorf("the commit says %v", err)
				}
				if err == nil {
					err = there(mem, t, index, put)
				}
				if (err != nil) != (c.commit != nil) {
					t.Error(err)
				}
				s.Close()
			})
		})
	}
}

// A rollback takes back a pack that is being written, too.
func TestRollbackWaitsForAPack(t *testing.T) {
	mem, index := vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		s, h, put, done := holding(t, mem, index, nil)
		back := make(chan error, 1)
		go func() { back <- s.Rollback() }()
		synctest.Wait()
		close(h.free)
		if err := errors.Join(<-done, <-back); err != nil {
			t.Fatal(err)
		}
		for f, err := range h.List("packs") {
			t.Errorf("%s stays: %v", f.Name, err)
		}
		if has, err := s.Has(context.Background(), put); err != nil || has[0] || has[1] {
			t.Errorf("%v: %v", has, err)
		}
		s.Close()
	})
}

// Of blocks that hold more than any writer makes one at a time is verified,
// whatever their length as they came; smaller ones go on beside it.
func TestLargeBlocksOneAtATime(t *testing.T) {
	ctx := context.Background()
	const large = 6 << 20
	for name, fill := range map[string]func(i int) []byte{
		"compressed": func(i int) []byte { return make([]byte, large+i) },
		"raw":        func(i int) []byte { return content(rand.New(rand.NewPCG(13, uint64(i))), large) },
	} {
		t.Run(name, func(t *testing.T) {
			from := mustOpen(t, vfs.NewMem(), "repo", filepath.Join(t.TempDir(), "index.db"))
			var blocks []cas.Block
			for i := range 3 {
				id, err := from.Put(ctx, object.KindChunk, fill(i))
				if err != nil {
					t.Fatal(err)
				}
				for b, err := range from.Blocks(ctx, []object.ID{id}, func(id object.ID) { t.Error("missing", id) }) {
					if err != nil {
						t.Fatal(err)
					}
					blocks = append(blocks, b)
				}
			}
			_, small := sent(t, rand.New(rand.NewPCG(14, 15)), 30, 1)
			index := filepath.Join(t.TempDir(), "index.db")
			synctest.Test(t, func(t *testing.T) {
				s := mustOpen(t, vfs.NewMem(), "repo", index)
				var open atomic.Int64
				free := make(chan struct{})
				var wg sync.WaitGroup
				for _, b := range blocks {
					wg.Go(func() {
						if _, err := s.Append(ctx, b, func(object.ID) bool { open.Add(1); <-free; return true }); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				if n := open.Load(); n != 1 {
					t.Errorf("%d are open at once", n)
				}
				if _, err := s.Append(ctx, small[0], nil); err != nil {
					t.Error(err)
				}
				close(free)
				wg.Wait()
			})
		})
	}
}
