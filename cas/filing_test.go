package cas_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// putMany puts small objects and returns how many waited in memory at most.
func putMany(t *testing.T, s *cas.Store, r *rand.Rand, n int) (ids []object.ID, most int) {
	t.Helper()
	for range n {
		id, err := s.Put(context.Background(), object.KindChunk, content(r, 400))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		most = max(most, s.Waiting())
	}
	return ids, most
}

func present(t *testing.T, s *cas.Store, ids []object.ID) (n int) {
	t.Helper()
	has, err := s.Has(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		_, err := s.Get(context.Background(), id)
		if err == nil != has[i] {
			t.Fatalf("object %d: has %v, get: %v", i, has[i], err)
		}
		if has[i] {
			n++
		}
	}
	return n
}

// Many objects do not wait in memory for the commit, and a rollback forgets
// those too that are indexed by then.
func TestManyObjectsAreIndexedEarly(t *testing.T) {
	ctx := context.Background()
	mem, index := vfs.NewMem(), filepath.Join(t.TempDir(), "index.db")
	s := mustOpen(t, mem, "repo", index)
	const part = 3000 // a block holds some 2,600 of them
	s.SetIndexPart(part)
	r := rand.New(rand.NewPCG(5, 6))
	kept, _ := putMany(t, s, r, 10*part)
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	ids, most := putMany(t, s, r, 20*part)
	if most > 5*part {
		t.Errorf("%d objects waited in memory", most)
	}
	if st, err := s.Stats(ctx); err != nil || st.Objects < len(kept)+10*part {
		t.Errorf("%d objects are indexed: %v", st.Objects, err)
	}
	if err := s.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n, m := present(t, s, ids), present(t, s, kept); n != 0 || m != len(kept) {
		t.Errorf("after a rollback %d objects are there, and %d of the %d that were committed", n, m, len(kept))
	}
	st, err := s.Stats(ctx)
	if err != nil || st.Objects != len(kept) {
		t.Errorf("%d objects are indexed after a rollback: %v", st.Objects, err)
	}
	files := 0
	for _, err := range dir.New(mem, "repo", "dev", nil).List("packs") {
		if err != nil {
			t.Fatal(err)
		}
		files++
	}
	if files != st.Packs {
		t.Errorf("%d packs on the disk, %d in the index", files, st.Packs)
	}
	again, _ := putMany(t, s, rand.New(rand.NewPCG(5, 6)), 30*part)
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if n := present(t, s, again); n != len(again) {
		t.Errorf("%d of %d objects are there", n, len(again))
	}
}

// A crash between the transactions that index many objects loses none of them:
// the packs are read again at the next open.
func TestCrashWhileManyObjectsAreIndexed(t *testing.T) {
	ctx := context.Background()
	const part = 3000
	for _, visit := range []int{1, 2, 5} {
		mem, tmp := vfs.NewMem(), t.TempDir()
		index, crashed := filepath.Join(tmp, "index.db"), filepath.Join(tmp, "crashed.db")
		inject := fault.New(map[string]int{"cas.index.part": visit}, func(string) {
			b, err := os.ReadFile(index)
			if err = errors.Join(err, os.WriteFile(crashed, b, 0o600)); err != nil {
				t.Error(err)
			}
		})
		s, err := cas.Open(ctx, cas.Options{Backend: dir.New(mem, "repo", "dev", nil), Index: index, Keys: secret().Keys(), Device: object.DeviceID{1}, Fault: inject})
		if err != nil {
			t.Fatal(err)
		}
		s.SetIndexPart(part)
		ids, _ := putMany(t, s, rand.New(rand.NewPCG(7, uint64(visit))), 8*part)
		if err := errors.Join(s.Commit(ctx), s.Close()); err != nil {
			t.Fatal(err)
		}
		after := mustOpen(t, mem, "repo", crashed)
		if n := present(t, after, ids); n != len(ids) {
			t.Errorf("part %d: %d of %d objects are there", visit, n, len(ids))
		}
	}
}
