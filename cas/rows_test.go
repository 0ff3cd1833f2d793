package cas

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// modelIDs is how many objects there may be.
const modelIDs = 1500

// indexModel is an index beside what it must hold.
type indexModel struct {
	*testing.T
	x     *index
	path  string
	rand  *rand.Rand
	packs map[packID][]packBlock
	at    map[object.ID]location
}

func (m *indexModel) open() {
	x, err := openIndex(m.path, false, nil)
	if err != nil {
		m.Fatal(err)
	}
	m.x, x.part = x, 20
}

func (m *indexModel) pack(objects int) filedPack {
	f := filedPack{class: Data, size: int64(objects)}
	for i := range f.id {
		f.id[i] = byte(m.rand.Uint32())
	}
	for off := uint32(0); objects > 0; off += 1000 {
		k := packBlock{off: off, length: 1000}
		for range min(objects, 1+m.rand.IntN(30)) {
			id := object.ID(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, m.rand.Uint64N(modelIDs))))
			if !slices.Contains(k.ids, id) {
				k.ids = append(k.ids, id)
			}
			objects--
		}
		f.blocks = append(f.blocks, k)
	}
	return f
}

// numbered is what the index calls some packs.
func (m *indexModel) numbered(ids ...packID) []indexedPack {
	known, err := m.x.packs()
	if err != nil {
		m.Fatal(err)
	}
	var out []indexedPack
	for _, id := range ids {
		p, ok := known[id]
		if !ok {
			m.Fatalf("pack %x is not there", id[:4])
		}
		out = append(out, p)
	}
	return out
}

func (m *indexModel) add(packs []filedPack, replace bool, drop ...packID) {
	dropped := m.numbered(drop...)
	if err := m.x.add(packs, replace, dropped); err != nil {
		m.Fatal(err)
	}
	for _, id := range drop {
		delete(m.packs, id)
	}
	seen := map[object.ID]bool{}
	for _, p := range packs {
		m.packs[p.id] = p.blocks
		number := m.numbered(p.id)[0].number
		for _, k := range p.blocks {
			for i, id := range k.ids {
				if _, ok := m.at[id]; !seen[id] && (replace || !ok) {
					m.at[id] = location{number, k.off, k.length, uint32(i)}
				}
				seen[id] = true
			}
		}
	}
}

func (m *indexModel) some() (id packID, ok bool) {
	ids := slices.SortedFunc(maps.Keys(m.packs), func(a, b packID) int { return slices.Compare(a[:], b[:]) })
	if len(ids) == 0 {
		return id, false
	}
	return ids[m.rand.IntN(len(ids))], true
}

func (m *indexModel) step() string {
	id, ok := m.some()
	switch op := m.rand.IntN(10); {
	case op < 4 || !ok:
		m.add([]filedPack{m.pack(1 + m.rand.IntN(20))}, false)
		return "few"
	case op < 6:
		m.add([]filedPack{m.pack(100), m.pack(1 + m.rand.IntN(1000))}, false)
		return "many"
	case op < 7: // as Compact does: all that the pack held lies in another
		f := m.pack(1)
		f.blocks = append(m.packs[id], packBlock{off: 1 << 20, length: 1000, ids: f.blocks[0].ids})
		m.add([]filedPack{f}, true, id)
		return "compact"
	case op < 8:
		p := m.numbered(id)[0]
		if err := m.x.drop([]indexedPack{p}, [][]packBlock{m.packs[id]}); err != nil {
			m.Fatal(err)
		}
		delete(m.packs, id)
		maps.DeleteFunc(m.at, func(_ object.ID, l location) bool { return l.pack == p.number })
		return "drop"
	case op < 9:
		number, copies := m.numbered(id)[0].number, packBlock{off: 1<<24 + m.rand.Uint32N(1<<24), length: 1}
		lost, from := map[object.ID]*location{}, map[object.ID]location{}
		for _, o := range slices.SortedFunc(maps.Keys(m.at), func(a, b object.ID) int { return slices.Compare(a[:], b[:]) }) {
			if o[0]%16 != 3 {
				continue
			}
			from[o], lost[o] = m.at[o], nil
			if o[1]%2 == 0 {
				lost[o] = &location{number, copies.off, 1, uint32(len(copies.ids))}
				copies.ids = append(copies.ids, o)
			}
		}
		if len(copies.ids) > 0 {
			m.packs[id] = append(m.packs[id], copies)
		}
		if _, err := m.x.move(lost, from, nil); err != nil {
			m.Fatal(err)
		}
		for o, l := range lost {
			if l == nil {
				delete(m.at, o)
			} else {
				m.at[o] = *l
			}
		}
		return "move"
	default:
		if err := errors.Join(m.x.close(), os.Remove(m.path+".whole")); err != nil { // so that all of it is looked at
			m.Fatal(err)
		}
		m.open()
		return "open"
	}
}

func (m *indexModel) compare() {
	m.Helper()
	found := map[object.ID]location{}
	var last object.ID
	err := m.x.each(func(id object.ID, l location) {
		if slices.Compare(last[:], id[:]) >= 0 {
			m.Fatalf("%s comes after %s", id.Short(), last.Short())
		}
		last, found[id] = id, l
	})
	if err != nil || !maps.Equal(found, m.at) {
		m.Fatalf("%d objects of %d, or other places: %v", len(found), len(m.at), err)
	}
	if n, err := m.x.count(); n != len(m.at) || err != nil {
		m.Fatalf("counts %d objects of %d: %v", n, len(m.at), err)
	}
	for i := range uint64(modelIDs) {
		id := object.ID(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, i)))
		l, _, ok, err := m.x.find(id)
		if want, is := m.at[id]; ok != is || l != want || err != nil {
			m.Fatalf("object %d: %v %v, want %v %v: %v", i, l, ok, want, is, err)
		}
	}
	err = m.x.db.View(func(tx *bolt.Tx) error {
		n, err := readRowCount(tx)
		sorted := 0
		err = errors.Join(err, tx.Bucket(bucketRuns).ForEach(func(k, v []byte) error {
			r, err := openRun(v)
			sorted += r.len()
			return err
		}))
		if lately := tx.Bucket(bucketObjects).Stats().KeyN; n != (rowCount{uint64(lately), uint64(sorted)}) {
			m.Fatalf("counts %v rows, there are %d and %d", n, lately, sorted)
		}
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
}

// Whatever is done to an index, it holds what a plain map holds.
func TestIndexIsAMap(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			m := &indexModel{T: t, path: filepath.Join(t.TempDir(), "index.db"), rand: rand.New(rand.NewPCG(seed, 1)), packs: map[packID][]packBlock{}, at: map[object.ID]location{}}
			m.open()
			defer func() { m.x.close() }()
			for i := range 40 {
				op := m.step()
				t.Logf("%d: %s", i, op)
				m.compare()
			}
		})
	}
}

// An index from before there were runs becomes one with them when something is
// added, in parts; a crash between two of these leaves each object where it was.
func TestOldIndexIsSortedInParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := openIndex(path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	const objects = 5000
	f := filedPack{class: Meta, size: 1, blocks: []packBlock{{length: 9}}}
	for i := range objects {
		f.blocks[0].ids = append(f.blocks[0].ids, sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))))
	}
	err = x.add([]filedPack{f}, false, nil) // few enough for one transaction: all lie singly
	err = errors.Join(err, x.db.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket(bucketRuns), tx.Bucket(bucketSelf).Delete(rowsKey()))
	}))
	generation := x.generation
	if err := errors.Join(err, x.close()); err != nil {
		t.Fatal(err)
	}
	whole := func(path string, more int) {
		t.Helper()
		x, err := openIndex(path, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer x.close()
		if x.generation != generation {
			t.Error("it is another generation: all that is lost would be looked for anew")
		}
		n := 0
		err = x.each(func(object.ID, location) { n++ })
		for _, id := range f.blocks[0].ids {
			if l, p, ok, ferr := x.find(id); !ok || p.id != f.id || l.length != 9 {
				err = errors.Join(err, ferr, fmt.Errorf("%s lies at %v", id.Short(), l))
			}
		}
		if err != nil || n != objects+more {
			t.Fatalf("%d objects: %v", n, err)
		}
	}
	whole(path, 0)
	var crashed []string
	x, err = openIndex(path, false, fault.New(map[string]int{"cas.index.sort": 0}, func(string) {
		b, err := os.ReadFile(path)
		to := fmt.Sprintf("%s.%d", path, len(crashed))
		if err = errors.Join(err, os.WriteFile(to, b, 0o600)); err != nil {
			t.Error(err)
		}
		crashed = append(crashed, to)
	}))
	if err != nil {
		t.Fatal(err)
	}
	x.part = 300
	g := filedPack{id: packID{1}, class: Meta, size: 1, blocks: []packBlock{{length: 9, ids: []object.ID{{1}}}}}
	if err := errors.Join(x.add([]filedPack{g}, false, nil), x.close()); err != nil {
		t.Fatal(err)
	}
	if len(crashed) != (objects+1)/300+1 {
		t.Errorf("sorted in %d parts", len(crashed))
	}
	for _, c := range append(crashed, path) {
		whole(c, 1)
	}
}

// Objects that are many, and yet few beside those that there are, leave the runs
// full.
func TestRunsStayFull(t *testing.T) {
	x, err := openIndex(filepath.Join(t.TempDir(), "index.db"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	x.part = 200
	n := uint64(0)
	add := func(objects int) {
		t.Helper()
		f := filedPack{class: Data, size: 1, blocks: []packBlock{{length: 9}}}
		binary.LittleEndian.PutUint64(f.id[:], n)
		for range objects {
			n++
			f.blocks[0].ids = append(f.blocks[0].ids, sha256.Sum256(binary.LittleEndian.AppendUint64(nil, n)))
		}
		if err := x.add([]filedPack{f}, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	add(20_000)
	for range 40 {
		add(210)
	}
	err = x.db.View(func(tx *bolt.Tx) error {
		rows, err := readRowCount(tx)
		if runs := tx.Bucket(bucketRuns).Stats().KeyN; rows.sorted < 25_000 || uint64(runs*runRows) > rows.sorted*3/2 {
			t.Errorf("%d rows lie in %d runs, %d in none", rows.sorted, runs, rows.lately)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rows that come one to a run do not leave scraps of runs.
func TestRunsAreSharedOut(t *testing.T) {
	x, err := openIndex(filepath.Join(t.TempDir(), "index.db"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	err = x.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketRuns)
		n := 0
		add := func(objects int) {
			t.Helper()
			var rows []indexRow
			for range objects {
				n++
				rows = append(rows, indexRow{id: sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))})
			}
			slices.SortFunc(rows, compareRows)
			if more, err := (runs{b}).change(rows, false); more != objects || err != nil {
				t.Fatalf("%d more: %v", more, err)
			}
		}
		add(10_000)
		for range 60 {
			add(60)
		}
		k := 0
		err := b.ForEach(func(_, _ []byte) error { k++; return nil })
		if k*runRows > 2*n {
			t.Errorf("%d rows lie in %d runs", n, k)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
