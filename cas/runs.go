package cas

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/bsvsync/bsv/object"
)

// runs are the sorted rows of an index in a transaction.
type runs struct{ b *bolt.Bucket }

// at returns the run that an id would be in: the last that begins at or before
// it, or else the first; nil when there is none.
func (r runs) at(id object.ID) (key, value []byte) {
	c := r.b.Cursor()
	k, v := c.Seek(id[:])
	if bytes.Equal(k, id[:]) {
		return k, v
	}
	if k == nil {
		return c.Last()
	}
	if pk, pv := c.Prev(); pk != nil {
		return pk, pv
	}
	return k, v
}

func (r runs) find(id object.ID) (location, bool, error) {
	_, v := r.at(id)
	if v == nil {
		return location{}, false, nil
	}
	k, err := openRun(v)
	if err != nil {
		return location{}, false, err
	}
	i, ok := k.find(id)
	if !ok {
		return location{}, false, nil
	}
	return k.place(i), true, nil
}

// change merges sorted changes with the rows that there are; stays as for merge.
// Where runs lie side by side and all of them change, they become full ones. It
// returns how many rows there are more.
func (r runs) change(changes []indexRow, stays bool) (more int, err error) {
	var rows []indexRow // not yet written: all before what follows in the bucket
	for len(changes) > 0 {
		k, v := r.at(changes[0].id)
		n := len(changes) // that concern this run
		var next []byte
		var old []indexRow
		if k != nil {
			opened, err := openRun(v)
			if err != nil {
				return 0, err
			}
			old = opened.rows()
			k = bytes.Clone(k)
			c := r.b.Cursor()
			c.Seek(k)
			if nk, _ := c.Next(); nk != nil {
				next = bytes.Clone(nk)
				n, _ = slices.BinarySearchFunc(changes, next, func(c indexRow, k []byte) int { return bytes.Compare(c.id[:], k) })
			}
			if err := r.b.Delete(k); err != nil {
				return 0, err
			}
		}
		merged := merge(old, changes[:n], stays)
		more += len(merged) - len(old)
		rows = append(rows, merged...)
		changes = changes[n:]
		beside := false // the next run changes, too
		if len(changes) > 0 {
			bk, _ := r.at(changes[0].id)
			beside = bytes.Equal(bk, next)
		}
		if rows, err = r.put(rows, beside); err != nil {
			return 0, err
		}
	}
	return more, nil
}

// put writes rows as runs. With rest it returns those that do not fill one. Else
// they are shared out evenly: a full run before a scrap would have no room for
// the next row either.
func (r runs) put(rows []indexRow, rest bool) ([]indexRow, error) {
	for len(rows) >= runRows || len(rows) > 0 && !rest {
		n := min(len(rows), runRows)
		if !rest {
			parts := (len(rows) + runRows - 1) / runRows
			n = (len(rows) + parts - 1) / parts
		}
		if err := r.b.Put(rows[0].id[:], encodeRun(rows[:n])); err != nil {
			return nil, err
		}
		rows = rows[n:]
	}
	return slices.Clone(rows), nil
}
