package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// watched is a backend whose reads of blocks a test sees, holds up and fails.
type watched struct {
	cas.Backend
	mu      sync.Mutex
	reads   int           // begun
	running int           // begun and not ended
	last    blockAt       // that was asked for
	hold    chan struct{} // if not nil, reads wait for it to be closed
	fail    func(at blockAt, b []byte) ([]byte, error)
}

type blockAt struct {
	name string
	off  int64
}

func (w *watched) Read(name string, off int64, n int) ([]byte, error) {
	w.mu.Lock()
	w.reads++
	w.running++
	w.last = blockAt{name, off}
	hold, fail := w.hold, w.fail
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.running--
		w.mu.Unlock()
	}()
	if hold != nil {
		<-hold
	}
	b, err := w.Backend.Read(name, off, n)
	if fail != nil && err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return fail(blockAt{name, off}, b)
	}
	return b, err
}

func (w *watched) count() (reads, running int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads, w.running
}

func (w *watched) holdUp(c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = c
}

func (w *watched) holding() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hold != nil
}

// watchedStore is a store in memory behind a watched backend. The caller
// closes it.
func watchedStore(t *testing.T) (*cas.Store, *watched) {
	t.Helper()
	w := &watched{Backend: dir.New(vfs.NewMem(), "repo", "dev", nil)}
	s, err := cas.Open(context.Background(), cas.Options{Backend: w, Index: filepath.Join(t.TempDir(), "index.db"), Keys: secret().Keys(), Device: object.DeviceID{1}})
	if err != nil {
		t.Fatal(err)
	}
	return s, w
}

// listed commits a list of n pieces of this length that do not compress, and
// returns its content, its pieces and its bytes.
func listed(t *testing.T, s *cas.Store, n, length int) (object.Content, []object.Piece, []byte) {
	t.Helper()
	ctx := context.Background()
	all := make([]byte, n*length)
	if _, err := io.ReadFull(seeded(7), all); err != nil {
		t.Fatal(err)
	}
	var pieces []object.Piece
	for i := range n {
		id, err := s.Put(ctx, object.KindChunk, all[i*length:(i+1)*length])
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, object.Piece{ID: id, Length: uint64(length)})
	}
	id, err := object.BuildList(ctx, s.Hasher(), s, func(yield func(object.Piece, error) bool) {
		for _, p := range pieces {
			if !yield(p, nil) {
				return
			}
		}
	})
	if err == nil {
		err = s.Commit(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object.Content{Kind: object.KindList, ID: id}, pieces, all
}

// A file reads the same from any offset: before the commit, after it, and when
// a pack goes while it is read.
func TestStreamFromAnyOffset(t *testing.T) {
	ctx := context.Background()
	s, w := watchedStore(t)
	defer s.Close()
	r := rand.New(rand.NewPCG(3, 4))
	want := make([]byte, 8<<20)
	if _, err := io.ReadFull(seeded(7), want); err != nil {
		t.Fatal(err)
	}
	clear(want[3<<20 : 6<<20])
	c, _, err := s.WriteFile(ctx, bytes.NewReader(want), int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		for _, from := range []int{0, 1, 1 << 20, len(want) - 1, len(want), len(want) + 1, r.IntN(len(want)), r.IntN(len(want)), r.IntN(len(want))} {
			var got []byte
			for b, err := range s.Stream(ctx, c, uint64(from)) {
				if err != nil || len(b) == 0 {
					t.Fatal(when, from, len(b), err)
				}
				got = append(got, b...)
			}
			if !bytes.Equal(got, want[min(from, len(want)):]) {
				t.Fatalf("%s: from %d on it reads differently", when, from)
			}
		}
		if n, _ := s.Ahead(); n != 0 {
			t.Fatalf("%s: %d pieces are held after the end", when, n)
		}
	}
	check("pending")
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	check("committed")
	gone := map[blockAt]bool{}
	w.fail = func(at blockAt, b []byte) ([]byte, error) {
		if !gone[at] {
			gone[at] = true
			return nil, fs.ErrNotExist
		}
		return b, nil
	}
	check("every block is gone once")
	if len(gone) < 5 {
		t.Fatalf("only %d blocks were gone", len(gone))
	}
}

// What is read ahead is bounded in pieces and in bytes, and only of a file of
// which somebody took a MiB.
func TestStreamReadsAhead(t *testing.T) {
	for name, x := range map[string]struct{ n, length, ahead int }{
		"pieces": {20, 300 << 10, 4}, "bytes": {8, 2 << 20, 2}, "small pieces": {100, 20 << 10, 4}, "a large one": {4, 8 << 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := watchedStore(t)
				defer s.Close()
				c, pieces, _ := listed(t, s, x.n, x.length)
				i, most := 0, 0
				for _, err := range s.Stream(context.Background(), c, 0) {
					if err != nil {
						t.Fatal(err)
					}
					synctest.Wait() // all that is read ahead is there now
					held, _ := s.Ahead()
					if _, running := w.count(); running != 0 {
						t.Fatal("a read hangs")
					}
					if i*x.length < 1<<20 && held > 0 || held > x.ahead || held > len(pieces)-i-1 {
						t.Fatalf("piece %d: %d are read ahead", i, held)
					}
					most = max(most, held)
					i++
				}
				if i != len(pieces) || most != x.ahead {
					t.Fatalf("%d pieces of %d, at most %d ahead", i, len(pieces), most)
				}
			})
		})
	}
}

// Streams together hold no more pieces than the store has slots, whatever
// their number, and all come to their end.
func TestStreamsShareTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := watchedStore(t)
		defer s.Close()
		c, _, want := listed(t, s, 20, 300<<10)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				n := 0
				for b, err := range s.Stream(context.Background(), c, 0) {
					if err != nil || !bytes.Equal(b, want[n:n+len(b)]) {
						t.Error(n, len(b), err)
						return
					}
					if n += len(b); n > 3<<20 {
						<-stop
					}
				}
				if n != len(want) {
					t.Errorf("%d bytes of %d", n, len(want))
				}
			})
		}
		synctest.Wait()
		if held, limit := s.Ahead(); held != limit {
			t.Errorf("%d pieces are held, where there are %d slots and more streams", held, limit)
		}
		close(stop)
		wg.Wait()
		if held, _ := s.Ahead(); held != 0 {
			t.Errorf("%d pieces are held after the end", held)
		}
	})
}

// Whoever stops early gets control back when no read is under way any more.
func TestStreamStopsEarly(t *testing.T) {
	for name, stop := range map[string]func(cancel func()) bool{
		"by itself": func(func()) bool { return true },
		"cancelled": func(cancel func()) bool { cancel(); return false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := watchedStore(t)
				defer s.Close()
				c, _, _ := listed(t, s, 20, 300<<10)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				hold, held, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
				var last error
				after := 0
				go func() {
					defer close(ended)
					stopped := false
					for _, err := range s.Stream(ctx, c, 0) {
						last = err
						if stopped {
							after++
							continue
						}
						synctest.Wait()
						if n, _ := s.Ahead(); n < 4 {
							continue
						}
						if w.holding() {
							stopped = true
							close(held)
							if stop(cancel) {
								break
							}
							continue
						}
						w.holdUp(hold)
					}
				}()
				<-held
				synctest.Wait()
				select {
				case <-ended:
					t.Fatal("the end comes before that of a read")
				default:
				}
				if _, running := w.count(); running == 0 {
					t.Fatal("no read is under way")
				}
				close(hold)
				<-ended
				if _, running := w.count(); running != 0 {
					t.Fatalf("%d reads are under way after the end", running)
				}
				if n, _ := s.Ahead(); n != 0 {
					t.Fatalf("%d pieces are held after the end", n)
				}
				if want := ctx.Err(); last != want || want != nil && after != 1 {
					t.Fatalf("%v at the end where %v belongs; %d times", last, want, after)
				}
			})
		})
	}
}

// Damage is told of in its place: after all that is before it.
func TestStreamTellsOfDamageInItsPlace(t *testing.T) {
	s, w := watchedStore(t)
	c, pieces, want := listed(t, s, 20, 300<<10)
	const bad = 11
	if _, err := s.Get(context.Background(), pieces[bad].ID); err != nil {
		t.Fatal(err)
	}
	at := w.last
	// What Get read is in memory: read it from elsewhere.
	s.Close()
	s, err := cas.Open(context.Background(), cas.Options{Backend: w, Index: filepath.Join(t.TempDir(), "index.db"), Keys: secret().Keys(), Device: object.DeviceID{2}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, x := range []struct {
		spoil func(b []byte) ([]byte, error)
		want  error
	}{
		{func([]byte) ([]byte, error) { return nil, fs.ErrPermission }, fs.ErrPermission},
		{func(b []byte) ([]byte, error) { b[len(b)/2] ^= 1; return b, nil }, cas.ErrDamaged},
	} {
		w.fail = func(read blockAt, b []byte) ([]byte, error) {
			if read == at {
				return x.spoil(b)
			}
			return b, nil
		}
		n, failed := 0, false
		for b, err := range s.Stream(context.Background(), c, 0) {
			if failed {
				t.Fatal("more comes after the error")
			}
			if err != nil {
				failed = true
				if !errors.Is(err, x.want) || n != bad*300<<10 {
					t.Fatalf("%v after %d bytes, where the damage is at %d", err, n, bad*300<<10)
				}
				continue
			}
			if !bytes.Equal(b, want[n:n+len(b)]) {
				t.Fatalf("other bytes at %d", n)
			}
			n += len(b)
		}
		if held, _ := s.Ahead(); !failed || held != 0 {
			t.Fatal(failed, held)
		}
	}
}

// Who asks for a block that is on its way waits for it, and reading a large
// file leaves the blocks in memory that hold many objects.
func TestBlocksAreReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s, w := watchedStore(t)
		defer s.Close()
		small, err := s.Put(ctx, object.KindChunk, []byte("a small one"))
		if err != nil {
			t.Fatal(err)
		}
		c, _, _ := listed(t, s, 40, 1<<20)
		before, _ := w.count()
		hold := make(chan struct{})
		w.holdUp(hold)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if b, err := s.Get(ctx, small); err != nil || string(b) != "a small one" {
					t.Error(string(b), err)
				}
			})
		}
		synctest.Wait()
		close(hold)
		wg.Wait()
		if n, _ := w.count(); n != before+1 {
			t.Fatalf("%d reads of one block", n-before)
		}
		for _, err := range s.Stream(ctx, c, 0) {
			if err != nil {
				t.Fatal(err)
			}
		}
		before, _ = w.count()
		if _, err := s.Get(ctx, small); err != nil {
			t.Fatal(err)
		}
		if n, _ := w.count(); n != before {
			t.Fatal("a large file pushed a small block out")
		}
	})
}

// Of a run of equal pieces the first is read, and none may claim to be of
// another length.
func TestStreamOfEqualPieces(t *testing.T) {
	ctx := context.Background()
	s, w := watchedStore(t)
	defer s.Close()
	zeros := make([]byte, 300<<10)
	id, err := s.Put(ctx, object.KindChunk, zeros)
	if err != nil {
		t.Fatal(err)
	}
	list := func(last uint64) object.Content {
		root, err := object.BuildList(ctx, s.Hasher(), s, func(yield func(object.Piece, error) bool) {
			for range 19 {
				if !yield(object.Piece{ID: id, Length: uint64(len(zeros))}, nil) {
					return
				}
			}
			yield(object.Piece{ID: id, Length: last}, nil)
		})
		if err == nil {
			err = s.Commit(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return object.Content{Kind: object.KindList, ID: root}
	}
	good, bad := list(uint64(len(zeros))), list(uint64(len(zeros))-1)
	before, _ := w.count()
	n := 0
	for b, err := range s.Stream(ctx, good, 1) {
		if err != nil || !bytes.Equal(b, zeros[:len(b)]) {
			t.Fatal(n, len(b), err)
		}
		n += len(b)
	}
	if n != 20*len(zeros)-1 {
		t.Fatal(n)
	}
	if reads, _ := w.count(); reads-before > 3 { // nodes of the list, and the chunk
		t.Fatalf("%d reads", reads-before)
	}
	n = 0
	var last error
	for b, err := range s.Stream(ctx, bad, 0) {
		n, last = n+len(b), err
	}
	if n != 19*len(zeros) || !errors.Is(last, cas.ErrDamaged) {
		t.Fatal(n, last)
	}
	if held, _ := s.Ahead(); held != 0 {
		t.Fatal(held)
	}
}
