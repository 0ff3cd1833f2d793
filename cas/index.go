package cas

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/internal/boltfile"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// location is where an object lies.
type location struct {
	pack    uint32 // number of the pack in this index
	off     uint32
	length  uint32
	ordinal uint32
}

var (
	bucketObjects = []byte("objects") // id → place with its checksum: rows that came lately, which count before those of runs
	bucketRuns    = []byte("runs")    // first id → run
	bucketPacks   = []byte("packs")   // number → class (with partial) ‖ pack id ‖ size
	bucketNumbers = []byte("numbers") // pack id → number
	bucketSelf    = []byte("self")    // "generation" → 16 random bytes; "rows" → number of objects u64 ‖ of rows in runs u64
)

// index maps objects to locations; it is disposable.
type index struct {
	db         *boltfile.File
	path       string
	fault      *fault.Injector
	part       int // objects of one transaction
	generation [16]byte
}

func openIndex(path string, readOnly bool, f *fault.Injector) (*index, error) {
	db, err := boltfile.Open(path, readOnly, wholeEntry)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &index{db: db, path: path, fault: f, part: partOf}
	begun, err := x.begun()
	if err == nil && !begun {
		err = db.Update(x.begin)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), db.Close())
	}
	return x, nil
}

// wholeEntry looks at an entry before the index is used: one that says the wrong
// place, or is under the wrong id, has the wrong sum.
func wholeEntry(bucket string, key, value []byte) error {
	switch bucket {
	case string(bucketRuns):
		return wholeRun(key, value)
	case string(bucketObjects):
	default:
		return nil
	}
	if len(key) != len(object.ID{}) {
		return fmt.Errorf("index entry with an id of %d bytes", len(key))
	}
	_, err := decodeLocation(object.ID(key), value)
	return err
}

func indexBuckets() [][]byte {
	return [][]byte{bucketObjects, bucketRuns, bucketPacks, bucketNumbers, bucketSelf}
}

// begun reads the index's generation; false when there is nothing yet, or no runs
// as before there were any. Where something else is missing it is damaged.
func (x *index) begun() (ok bool, err error) {
	err = x.db.View(func(tx *bolt.Tx) error {
		n := 0
		for _, b := range indexBuckets() {
			if tx.Bucket(b) != nil {
				n++
			}
		}
		if n == 0 {
			return nil
		}
		self := tx.Bucket(bucketSelf)
		if self == nil || len(self.Get([]byte("generation"))) != len(x.generation) {
			return fmt.Errorf("%w: its generation is not there", ErrIndex)
		}
		x.generation = [16]byte(self.Get([]byte("generation")))
		switch {
		case n == len(indexBuckets()):
			ok = true
		case n < len(indexBuckets())-1 || tx.Bucket(bucketRuns) != nil || self.Get(rowsKey()) != nil:
			return fmt.Errorf("%w: a part of it is not there", ErrIndex)
		}
		return nil
	})
	return ok, err
}

// begin makes an index whole: another generation of it, unless it only had no
// runs.
func (x *index) begin(tx *bolt.Tx) error {
	if x.generation == [16]byte{} {
		rand.Read(x.generation[:])
	}
	for _, b := range indexBuckets() {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	rows := rowCount{lately: uint64(tx.Bucket(bucketObjects).Stats().KeyN)}
	return errors.Join(rows.put(tx), tx.Bucket(bucketSelf).Put([]byte("generation"), x.generation[:]))
}

// close closes the file. In which damage was met it goes, so that the next start
// builds another.
func (x *index) close() error {
	err := x.db.Close()
	if x.db.Damage() != nil {
		err = errors.Join(err, removeIndex(x.path))
	}
	return err
}

type indexedPack struct {
	number uint32
	class  Class
	id     packID
	size   int64
	part   bool // not all of its objects may be indexed
}

func decodePack(number uint32, v []byte) indexedPack {
	return indexedPack{number, Class(v[0] &^ partial), packID(v[1:33]), int64(binary.LittleEndian.Uint64(v[33:])), v[0]&partial != 0}
}

// serial is how many packs were ever added; of an older copy it is smaller.
func (x *index) serial() (n uint64, err error) {
	err = x.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(bucketPacks).Sequence()
		return nil
	})
	return n, err
}

func (x *index) packs() (map[packID]indexedPack, error) {
	out := map[packID]indexedPack{}
	err := x.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketPacks).ForEach(func(k, v []byte) error {
			if len(k) != 4 || len(v) != 1+32+8 {
				return fmt.Errorf("%w: a pack", ErrIndex)
			}
			p := decodePack(binary.BigEndian.Uint32(k), v)
			out[p.id] = p
			return nil
		})
	})
	return out, err
}

func encodeLocation(id object.ID, l location) []byte {
	b := make([]byte, 0, 20)
	b = binary.LittleEndian.AppendUint32(b, l.pack)
	b = binary.LittleEndian.AppendUint32(b, l.off)
	b = binary.LittleEndian.AppendUint32(b, l.length)
	b = binary.LittleEndian.AppendUint32(b, l.ordinal)
	crc := crc32.Update(crc32.Checksum(id[:], castagnoli()), castagnoli(), b)
	return binary.LittleEndian.AppendUint32(b, crc)
}

func decodeLocation(id object.ID, b []byte) (location, error) {
	if len(b) != 20 || crc32.Update(crc32.Checksum(id[:], castagnoli()), castagnoli(), b[:16]) != binary.LittleEndian.Uint32(b[16:]) {
		return location{}, fmt.Errorf("%w: the entry of %s", ErrIndex, id.Short())
	}
	return location{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}, nil
}

// locate returns where an object lies.
func locate(tx *bolt.Tx, id object.ID) (location, bool, error) {
	if v := tx.Bucket(bucketObjects).Get(id[:]); v != nil {
		l, err := decodeLocation(id, v)
		return l, err == nil, err
	}
	return runs{tx.Bucket(bucketRuns)}.find(id)
}

// find looks one object up and names its pack.
func (x *index) find(id object.ID) (location, indexedPack, bool, error) {
	var l location
	var p indexedPack
	found := false
	err := x.db.View(func(tx *bolt.Tx) error {
		var ok bool
		var err error
		if l, ok, err = locate(tx, id); !ok || err != nil {
			return err
		}
		var k [4]byte
		binary.BigEndian.PutUint32(k[:], l.pack)
		pv := tx.Bucket(bucketPacks).Get(k[:])
		if len(pv) != 41 {
			return fmt.Errorf("%w: it names a pack that it does not hold", ErrIndex)
		}
		p = decodePack(l.pack, pv)
		found = true
		return nil
	})
	return l, p, found, err
}

// has reports for each id whether it is indexed.
func (x *index) has(ids []object.ID, out []bool) error {
	return x.db.View(func(tx *bolt.Tx) error {
		for i, id := range ids {
			if out[i] {
				continue
			}
			var err error
			if _, out[i], err = locate(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// filedPack is a durable pack that the index does not cover yet.
type filedPack struct {
	class  Class
	id     packID
	size   int64
	blocks []packBlock
}

// partial marks the class of a pack of which not all objects are indexed.
const partial = 0x80

// partOf is how many objects one transaction adds. It holds a node in memory for
// every page that it changes, and they lie everywhere.
const partOf = 8 << 10

// add covers durable packs, in key order. replace makes the new places win over
// those indexed before; drop are packs that leave the index. Few objects take one
// transaction. Of many the packs come first, marked as partial, so that what has
// come of their objects is right at any moment: after a crash they are added
// again.
func (x *index) add(packs []filedPack, replace bool, drop []indexedPack) error {
	objects := 0
	for _, p := range packs {
		for _, b := range p.blocks {
			objects += len(b.ids)
		}
	}
	if objects > x.part {
		if err := x.addMany(packs, replace, drop); err != nil {
			return err
		}
		return x.sort()
	}
	err := x.db.Update(func(tx *bolt.Tx) error {
		rows, err := x.addPacks(tx, packs, 0)
		if err != nil {
			return err
		}
		return errors.Join(x.addLately(tx, rows, replace), x.dropPacks(tx, drop))
	})
	if err != nil {
		return err
	}
	return x.sort()
}

func (x *index) addMany(packs []filedPack, replace bool, drop []indexedPack) error {
	var rows []indexRow
	addRows := x.addLately
	err := x.db.Update(func(tx *bolt.Tx) error {
		n, err := readRowCount(tx)
		if err != nil {
			return err
		}
		rows, err = x.addPacks(tx, packs, partial)
		if n.lately = uint64(len(rows)); n.full(x.part) {
			addRows = x.addSorted
		}
		return err
	})
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		x.fault.Hit("cas.index.part")
		n := min(len(rows), x.part)
		if err := x.db.Update(func(tx *bolt.Tx) error { return addRows(tx, rows[:n], replace) }); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return x.db.Update(func(tx *bolt.Tx) error {
		_, err := x.addPacks(tx, packs, 0)
		return errors.Join(err, x.dropPacks(tx, drop))
	})
}

// addPacks adds packs that are not in the index, or only in part, with or without
// that mark, and returns where their objects lie, sorted by id.
func (x *index) addPacks(tx *bolt.Tx, packs []filedPack, mark byte) ([]indexRow, error) {
	byNumber, byID := tx.Bucket(bucketPacks), tx.Bucket(bucketNumbers)
	var rows []indexRow
	for _, p := range packs {
		k := bytes.Clone(byID.Get(p.id[:]))
		if k == nil {
			seq, err := byNumber.NextSequence()
			if err != nil {
				return nil, err
			}
			k = binary.BigEndian.AppendUint32(nil, uint32(seq))
		} else if v := byNumber.Get(k); len(v) != 41 || v[0]&partial == 0 {
			continue
		}
		v := append([]byte{byte(p.class) | mark}, p.id[:]...)
		v = binary.LittleEndian.AppendUint64(v, uint64(p.size))
		if err := errors.Join(byNumber.Put(k, v), byID.Put(p.id[:], k)); err != nil {
			return nil, err
		}
		for _, b := range p.blocks {
			for i, id := range b.ids {
				rows = append(rows, indexRow{id: id, l: location{binary.BigEndian.Uint32(k), b.off, b.length, uint32(i)}})
			}
		}
	}
	slices.SortFunc(rows, func(a, b indexRow) int { // of an object that comes twice the first counts
		return cmp.Or(compareRows(a, b), cmp.Compare(a.l.pack, b.l.pack), cmp.Compare(a.l.off, b.l.off), cmp.Compare(a.l.ordinal, b.l.ordinal))
	})
	return slices.CompactFunc(rows, func(a, b indexRow) bool { return a.id == b.id }), nil
}

func (x *index) dropPacks(tx *bolt.Tx, packs []indexedPack) error {
	byNumber, byID := tx.Bucket(bucketPacks), tx.Bucket(bucketNumbers)
	for _, p := range packs {
		if err := errors.Join(byNumber.Delete(binary.BigEndian.AppendUint32(nil, p.number)), byID.Delete(p.id[:])); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets packs and the objects that it finds there.
func (x *index) drop(packs []indexedPack, tables [][]packBlock) error {
	return x.db.Update(func(tx *bolt.Tx) error {
		lost := map[object.ID]bool{}
		for i, p := range packs {
			for _, k := range tables[i] {
				for _, id := range k.ids {
					l, ok, err := locate(tx, id)
					if err != nil {
						return err
					}
					lost[id] = lost[id] || ok && l.pack == p.number // or it lies elsewhere, too
				}
			}
		}
		maps.DeleteFunc(lost, func(_ object.ID, is bool) bool { return !is })
		return errors.Join(x.removeRows(tx, slices.Collect(maps.Keys(lost))), x.dropPacks(tx, packs))
	})
}

// removeIndex deletes the file, so that a new index can be built.
func removeIndex(path string) error {
	if err := boltfile.Remove(path); err != nil {
		return fmt.Errorf("remove index: %w", err)
	}
	return nil
}
