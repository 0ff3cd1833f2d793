package cas

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

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
	bucketObjects = []byte("objects")
	bucketPacks   = []byte("packs")   // number → class ‖ pack id ‖ size
	bucketNumbers = []byte("numbers") // pack id → number
	bucketSelf    = []byte("self")    // "generation" → 16 random bytes
)

// index maps objects to locations; it is disposable.
type index struct {
	db         *bolt.DB
	generation [16]byte
}

func openIndex(path string) (*index, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 5 * time.Second, FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &index{db: db}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketObjects, bucketPacks, bucketNumbers, bucketSelf} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return x.name(tx.Bucket(bucketSelf))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), db.Close())
	}
	return x, nil
}

// name reads the index's generation, or gives a new index one.
func (x *index) name(b *bolt.Bucket) error {
	if v := b.Get([]byte("generation")); len(v) == len(x.generation) {
		x.generation = [16]byte(v)
		return nil
	}
	rand.Read(x.generation[:])
	return b.Put([]byte("generation"), x.generation[:])
}

func (x *index) close() error { return x.db.Close() }

type indexedPack struct {
	number uint32
	class  Class
	id     packID
	size   int64
}

func (x *index) packs() (map[packID]indexedPack, error) {
	out := map[packID]indexedPack{}
	err := x.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketPacks).ForEach(func(k, v []byte) error {
			if len(k) != 4 || len(v) != 1+32+8 {
				return fmt.Errorf("%w: index", ErrDamaged)
			}
			p := indexedPack{binary.BigEndian.Uint32(k), Class(v[0]), packID(v[1:33]), int64(binary.LittleEndian.Uint64(v[33:]))}
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
		return location{}, fmt.Errorf("%w: index entry of %s", ErrDamaged, id.Short())
	}
	return location{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}, nil
}

// find looks one object up and names its pack.
func (x *index) find(id object.ID) (location, indexedPack, bool, error) {
	var l location
	var p indexedPack
	found := false
	err := x.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucketObjects).Get(id[:])
		if v == nil {
			return nil
		}
		var err error
		if l, err = decodeLocation(id, v); err != nil {
			return err
		}
		var k [4]byte
		binary.BigEndian.PutUint32(k[:], l.pack)
		pv := tx.Bucket(bucketPacks).Get(k[:])
		if len(pv) != 41 {
			return fmt.Errorf("%w: index names a pack that it does not hold", ErrDamaged)
		}
		p = indexedPack{l.pack, Class(pv[0]), packID(pv[1:33]), int64(binary.LittleEndian.Uint64(pv[33:]))}
		found = true
		return nil
	})
	return l, p, found, err
}

// has reports for each id whether it is indexed.
func (x *index) has(ids []object.ID, out []bool) error {
	return x.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects)
		for i, id := range ids {
			if !out[i] {
				out[i] = b.Get(id[:]) != nil
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

// add covers packs in one transaction, in key order. replace makes the new
// places win over those indexed before; drop are packs that leave the index.
func (x *index) add(packs []filedPack, replace bool, drop []indexedPack) error {
	type row struct {
		id object.ID
		l  location
	}
	return x.db.Update(func(tx *bolt.Tx) error {
		objects, byNumber, byID := tx.Bucket(bucketObjects), tx.Bucket(bucketPacks), tx.Bucket(bucketNumbers)
		var rows []row
		for _, p := range packs {
			if byID.Get(p.id[:]) != nil {
				continue
			}
			seq, err := byNumber.NextSequence()
			if err != nil {
				return err
			}
			var k [4]byte
			binary.BigEndian.PutUint32(k[:], uint32(seq))
			v := append([]byte{byte(p.class)}, p.id[:]...)
			v = binary.LittleEndian.AppendUint64(v, uint64(p.size))
			if err := errors.Join(byNumber.Put(k[:], v), byID.Put(p.id[:], k[:])); err != nil {
				return err
			}
			for _, b := range p.blocks {
				for i, id := range b.ids {
					rows = append(rows, row{id, location{uint32(seq), b.off, b.length, uint32(i)}})
				}
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.id[:], b.id[:]) })
		objects.FillPercent = 0.8
		for _, r := range rows {
			if !replace && objects.Get(r.id[:]) != nil {
				continue
			}
			if err := objects.Put(r.id[:], encodeLocation(r.id, r.l)); err != nil {
				return err
			}
		}
		for _, p := range drop {
			var k [4]byte
			binary.BigEndian.PutUint32(k[:], p.number)
			if err := errors.Join(byNumber.Delete(k[:]), byID.Delete(p.id[:])); err != nil {
				return err
			}
		}
		return nil
	})
}

// count returns the number of indexed objects.
func (x *index) count() (n int, err error) {
	err = x.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(bucketObjects).Stats().KeyN
		return nil
	})
	return n, err
}

// removeIndex deletes the file, so that a new index can be built.
func removeIndex(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove index: %w", err)
	}
	return nil
}
