package cas

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/object"
)

// Random ids in a tree of pages take three times their size there, and each that
// is added rewrites a page of its own. So only those that came lately lie in one,
// up to a share of all, and are then merged into runs, which are nearly full.
const (
	// latelyShare of the rows in runs is how many may have come lately, but at
	// least one transaction's and at most latelyParts transactions' worth.
	latelyShare = 16
	latelyParts = 16
)

// rowCount counts the rows of an index. An object may have one that came lately
// and another in a run, which then does not count.
type rowCount struct{ lately, sorted uint64 }

func rowsKey() []byte { return []byte("rows") }

func readRowCount(tx *bolt.Tx) (rowCount, error) {
	v := tx.Bucket(bucketSelf).Get(rowsKey())
	if len(v) != 16 {
		return rowCount{}, fmt.Errorf("%w: the number of its entries", ErrIndex)
	}
	return rowCount{binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:])}, nil
}

func (n rowCount) put(tx *bolt.Tx) error {
	b := binary.LittleEndian.AppendUint64(nil, n.lately)
	return tx.Bucket(bucketSelf).Put(rowsKey(), binary.LittleEndian.AppendUint64(b, n.sorted))
}

// full reports whether those that came lately are worth a merge.
func (n rowCount) full(part int) bool {
	return n.lately > min(max(uint64(part), n.sorted/latelyShare), latelyParts*uint64(part))
}

// count adds to the number of rows.
func count(tx *bolt.Tx, lately, sorted int) error {
	n, err := readRowCount(tx)
	if err != nil {
		return err
	}
	n.lately += uint64(lately)
	n.sorted += uint64(sorted)
	return n.put(tx)
}

// addLately adds rows one by one. Unless replace, those that are there stay.
func (x *index) addLately(tx *bolt.Tx, rows []indexRow, replace bool) error {
	b := tx.Bucket(bucketObjects)
	b.FillPercent = 0.8
	more := 0
	for _, r := range rows {
		if !replace {
			if _, ok, err := locate(tx, r.id); ok || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		if !replace || b.Get(r.id[:]) == nil {
			more++
		}
		if err := b.Put(r.id[:], encodeLocation(r.id, r.l)); err != nil {
			return err
		}
	}
	return count(tx, more, 0)
}

// addSorted merges sorted rows into the runs. Unless replace, those that are
// there stay. They are many beside those: a row here and there would tear off
// the end of every run that it comes into.
func (x *index) addSorted(tx *bolt.Tx, rows []indexRow, replace bool) error {
	b := tx.Bucket(bucketObjects)
	more := 0
	if replace {
		for _, r := range rows {
			if b.Get(r.id[:]) != nil {
				if err := b.Delete(r.id[:]); err != nil {
					return err
				}
				more--
			}
		}
	}
	sorted, err := runs{tx.Bucket(bucketRuns)}.change(rows, !replace)
	if err != nil {
		return err
	}
	return count(tx, more, sorted)
}

// removeRows removes all that is known of objects.
func (x *index) removeRows(tx *bolt.Tx, ids []object.ID) error {
	slices.SortFunc(ids, func(a, b object.ID) int { return bytes.Compare(a[:], b[:]) })
	b, sorted := tx.Bucket(bucketObjects), runs{tx.Bucket(bucketRuns)}
	fewer := 0
	var gone []indexRow
	for _, id := range ids {
		if b.Get(id[:]) != nil {
			if err := b.Delete(id[:]); err != nil {
				return err
			}
			fewer++
		}
		if _, ok, err := sorted.find(id); err != nil {
			return err
		} else if ok {
			gone = append(gone, indexRow{id: id, gone: true})
		}
	}
	less, err := sorted.change(gone, false)
	if err != nil {
		return err
	}
	return count(tx, -fewer, less)
}

// sort merges the rows that came lately into the runs when there are many.
// Every transaction leaves each row in one place.
func (x *index) sort() error {
	var n rowCount
	err := x.db.View(func(tx *bolt.Tx) (err error) {
		n, err = readRowCount(tx)
		return err
	})
	if err != nil || !n.full(x.part) {
		return err
	}
	for more := true; more; {
		x.fault.Hit("cas.index.sort")
		err := x.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketObjects)
			var rows []indexRow
			c := b.Cursor()
			k, v := c.First()
			for ; k != nil && len(rows) < x.part; k, v = c.Next() {
				l, err := decodeLocation(object.ID(k), v)
				if err != nil {
					return err
				}
				rows = append(rows, indexRow{id: object.ID(k), l: l})
			}
			more = k != nil
			for _, r := range rows {
				if err := b.Delete(r.id[:]); err != nil {
					return err
				}
			}
			sorted, err := runs{tx.Bucket(bucketRuns)}.change(rows, false)
			if err != nil {
				return err
			}
			return count(tx, -len(rows), sorted)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f with the place of every object, in the order of ids.
func (x *index) each(f func(object.ID, location)) error {
	return x.db.View(func(tx *bolt.Tx) error {
		var failed error
		c := tx.Bucket(bucketObjects).Cursor()
		k, v := c.First()
		lately := func() {
			l, err := decodeLocation(object.ID(k), v)
			if err != nil {
				failed = err
				return
			}
			f(object.ID(k), l)
			k, v = c.Next()
		}
		err := tx.Bucket(bucketRuns).ForEach(func(_, b []byte) error {
			r, err := openRun(b)
			if err != nil {
				return err
			}
			for i := range r.len() {
				id := r.id(i)
				for k != nil && bytes.Compare(k, id[:]) < 0 && failed == nil {
					lately()
				}
				if !bytes.Equal(k, id[:]) {
					f(id, r.place(i))
				}
			}
			return failed
		})
		for err == nil && k != nil {
			lately()
			err = failed
		}
		return err
	})
}

// count returns the number of indexed objects.
func (x *index) count() (n int, err error) {
	err = x.each(func(object.ID, location) { n++ })
	return n, err
}
