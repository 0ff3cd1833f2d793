package cas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// damaged is a store on the disk whose packs a test spoils while it is open.
type damaged struct {
	*testing.T
	*cas.Store
	root, index string
	places      []cas.Place // that were forgotten
}

func newDamaged(t *testing.T) *damaged {
	tmp := t.TempDir()
	d := &damaged{T: t, root: filepath.Join(tmp, "repo"), index: filepath.Join(tmp, "index.db")}
	d.open()
	t.Cleanup(func() { d.Close() })
	return d
}

func (d *damaged) open() {
	d.Helper()
	s, err := cas.Open(context.Background(), cas.Options{Backend: dir.New(vfs.OS{}, d.root, "dev", nil), Index: d.index, Keys: secret().Keys(), Device: object.DeviceID{2},
		Forgotten: func(p cas.Place, _ [16]byte) { d.places = append(d.places, p) }})
	if err != nil {
		d.Fatal(err)
	}
	d.Store = s
}

func (d *damaged) reopen(anew bool) {
	d.Helper()
	if err := d.Close(); err != nil {
		d.Fatal(err)
	}
	if anew {
		if err := os.Remove(d.index); err != nil {
			d.Fatal(err)
		}
	}
	d.open()
}

func (d *damaged) packs() (out []string) {
	d.Helper()
	err := filepath.WalkDir(d.root, func(p string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(p) == ".pack" {
			out = append(out, p)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// pack stores some objects and returns their ids and their pack.
func (d *damaged) pack(plain ...[]byte) (ids []object.ID, pack string) {
	d.Helper()
	before := d.packs()
	for _, b := range plain {
		id, err := d.Put(context.Background(), object.KindChunk, b)
		if err != nil {
			d.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := d.Commit(context.Background()); err != nil {
		d.Fatal(err)
	}
	fresh := slices.DeleteFunc(d.packs(), func(p string) bool { return slices.Contains(before, p) })
	if len(fresh) > 1 {
		d.Fatal(fresh)
	}
	if len(fresh) == 1 {
		pack = fresh[0]
	}
	return ids, pack
}

func (d *damaged) has(ids []object.ID) int {
	d.Helper()
	miss, err := d.Missing(context.Background(), ids)
	if err != nil {
		d.Fatal(err)
	}
	return len(ids) - len(miss)
}

func plain(n, size int) (out [][]byte) {
	for i := range n {
		out = append(out, bytes.Repeat([]byte(fmt.Sprintf("%d of %d ", i, n)), size/8))
	}
	return out
}

// What is met damaged, cut off, gone or in the place of another is damage to
// whoever reads it, and absent from then on; what can be read stays, and what is
// stored again is there.
func TestDamageThatIsMetIsForgotten(t *testing.T) {
	ctx := context.Background()
	for name, x := range map[string]struct {
		hurt func(pack, other string) error
		left int // of four objects, two with blocks of their own
	}{
		"gone":    {func(pack, _ string) error { return os.Remove(pack) }, 0},
		"cut":     {func(pack, _ string) error { return os.Truncate(pack, 1000) }, 0},
		"flipped": {func(pack, _ string) error { return flip(pack, 40) }, 3},
		"swapped": {func(pack, other string) error {
			return errors.Join(os.Rename(pack, pack+"x"), os.Rename(other, pack), os.Rename(pack+"x", other))
		}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDamaged(t)
			all := append(plain(2, 1000), randomBytes(1, 200<<10), randomBytes(2, 200<<10))
			ids, pack := d.pack(all...)
			others, other := d.pack(randomBytes(3, 300<<10))
			d.reopen(false) // nothing of it is in memory
			if err := x.hurt(pack, other); err != nil {
				t.Fatal(err)
			}
			before, met := d.Generation(), false
			for _, id := range ids {
				b, err := d.Get(ctx, id)
				var pe *fs.PathError
				if errors.As(err, &pe) || err != nil && !errors.Is(err, cas.ErrDamaged) && !errors.Is(err, object.ErrMissing) {
					t.Fatalf("%q, %v", b, err)
				}
				met = met || errors.Is(err, cas.ErrDamaged)
			}
			if x.left >= 0 && (!met || d.Generation() == before || d.has(ids) != x.left) {
				t.Errorf("met: %v, %d are left", met, d.has(ids))
			}
			d.pack(append(all, randomBytes(3, 300<<10))...)
			for range 2 {
				for i, id := range append(ids, others...) {
					if b, err := d.Get(ctx, id); err != nil || i < len(all) && !bytes.Equal(b, all[i]) {
						t.Errorf("stored again, %d: %v", i, err)
					}
				}
				d.reopen(false)
			}
		})
	}
}

func flip(file string, at int) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b[at] ^= 1
	return os.WriteFile(file, b, 0o644)
}

// Put does not count on a pack that is gone or cut, though nobody has read it.
func TestPutCountsOnNoPackThatIsGone(t *testing.T) {
	ctx := context.Background()
	for name, hurt := range map[string]func(string) error{"gone": os.Remove, "cut": func(p string) error { return os.Truncate(p, 10) }} {
		t.Run(name, func(t *testing.T) {
			d := newDamaged(t)
			all := plain(3, 1000)
			ids, pack := d.pack(all...)
			if _, err := d.Get(ctx, ids[0]); err != nil { // it is in memory, and that is not enough
				t.Fatal(err)
			}
			if err := hurt(pack); err != nil {
				t.Fatal(err)
			}
			d.pack(all...)
			d.reopen(false)
			for i, id := range ids {
				if b, err := d.Get(ctx, id); err != nil || !bytes.Equal(b, all[i]) {
					t.Errorf("%q, %v", b, err)
				}
			}
		})
	}
}

// Packs that go under an open store are noticed without reading any; what is
// left is no damage.
func TestNoticeThatPacksAreGone(t *testing.T) {
	ctx := context.Background()
	d := newDamaged(t)
	ids, pack := d.pack(plain(2, 500)...)
	others, _ := d.pack(randomBytes(1, 1000))
	before := d.Generation()
	if err := d.Notice(ctx); err != nil || d.Generation() != before {
		t.Fatal("nothing is gone: ", err)
	}
	if err := os.Remove(pack); err != nil {
		t.Fatal(err)
	}
	if err := d.Notice(ctx); err != nil || d.Generation() == before || d.has(ids) != 0 || d.has(others) != 1 {
		t.Errorf("%v, %d of what is gone, %d of the others", err, d.has(ids), d.has(others))
	}
	before = d.Generation()
	d.reopen(false)
	if d.Generation() != before || d.has(ids) != 0 {
		t.Error("the index was built anew for a pack that it does not name")
	}
	ids, _ = d.pack(randomBytes(2, 1000)) // with all directories, which are new
	if err := errors.Join(os.RemoveAll(filepath.Join(d.root, "packs", "data")), d.Notice(ctx)); err != nil || d.has(append(ids, others...)) != 0 {
		t.Error("packs that came and went between two looks are not noticed: ", err)
	}
}

// A data pack that lies among the others of the other class is found there.
func TestAPackOfAnotherClass(t *testing.T) {
	d := newDamaged(t)
	ids, pack := d.pack(plain(2, 500)...)
	to := filepath.Join(d.root, "packs", "meta", filepath.Base(filepath.Dir(pack)), filepath.Base(pack))
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(pack, to)); err != nil {
		t.Fatal(err)
	}
	d.reopen(false)
	for _, id := range ids {
		if _, err := d.Get(context.Background(), id); err != nil {
			t.Error(err)
		}
	}
}

// Where an index that was built anew knows the damaged one of two copies, the
// other is read; and what was found damaged does not come back with the index.
func TestTheWholeCopyIsRead(t *testing.T) {
	ctx := context.Background()
	d := newDamaged(t)
	all := plain(3, 1000)
	ids, pack := d.pack(all...)
	if err := flip(pack, 40); err != nil {
		t.Fatal(err)
	}
	d.reopen(false)
	if _, err := d.Get(ctx, ids[0]); !errors.Is(err, cas.ErrDamaged) || len(d.places) != 1 {
		t.Fatal(err, d.places)
	}
	noted := d.places[0]
	d.reopen(true)
	if d.has(ids) != len(ids) {
		t.Fatal("an index that is built anew opens no block")
	}
	if p, err := d.Suspect(ctx, []cas.Place{noted, {}}); err != nil || !slices.Equal(p, []cas.Place{noted}) || d.has(ids) != 0 {
		t.Fatal(p, err, d.has(ids))
	}
	_, again := d.pack(append(all, []byte("and another"))...)
	for _, order := range []bool{true, false} { // one of the two packs comes first
		d.reopen(true)
		for i, id := range ids {
			if b, err := d.Get(ctx, id); err != nil || !bytes.Equal(b, all[i]) {
				t.Errorf("%v: %v", order, err)
			}
		}
		if order {
			swapped := filepath.Join(filepath.Dir(filepath.Dir(pack)), "00", "00"+filepath.Base(again)[2:])
			if err := errors.Join(os.MkdirAll(filepath.Dir(swapped), 0o755), os.Rename(again, swapped)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whoever gives objects away leaves out what cannot be read, and goes on.
func TestBlocksLeaveDamageOut(t *testing.T) {
	ctx := context.Background()
	d := newDamaged(t)
	ids, pack := d.pack(plain(2, 1000)...)
	others, _ := d.pack(randomBytes(1, 2000))
	d.reopen(false)
	if err := flip(pack, 40); err != nil {
		t.Fatal(err)
	}
	var got, missing []object.ID
	for b, err := range d.Blocks(ctx, append(ids, others...), func(id object.ID) { missing = append(missing, id) }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.IDs...)
	}
	if !slices.Equal(got, others) || len(missing) != 2 || d.has(ids) != 0 {
		t.Errorf("given %v, missing %v, here %d", got, missing, d.has(ids))
	}
}

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}
