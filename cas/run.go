package cas

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"

	"github.com/bsvsync/bsv/object"
)

// A run is many rows of the index under one key, the first id:
//
//	run   count u16 | count × id 32, ascending | count × place 13 | crc32c u32 over all before it
//	place pack u32 | off u32 | length u24 | ordinal u16
//
// bbolt puts at least two values on a page and takes 32 bytes of the key and the
// page for each, so that two runs of runRows fill whole pages of the system.
const (
	placeLen = 13
	rowLen   = len(object.ID{}) + placeLen
	runRows  = (4<<10 - 96) / rowLen
)

// indexRow is an object and where it lies. One that is gone has no place.
type indexRow struct {
	id   object.ID
	l    location
	gone bool
}

func compareRows(a, b indexRow) int { return bytes.Compare(a.id[:], b.id[:]) }

func encodeRun(rows []indexRow) []byte {
	b := make([]byte, 0, 2+len(rows)*rowLen+4)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(rows)))
	for _, r := range rows {
		b = append(b, r.id[:]...)
	}
	for _, r := range rows {
		b = binary.LittleEndian.AppendUint32(b, r.l.pack)
		b = binary.LittleEndian.AppendUint32(b, r.l.off)
		b = append(b, byte(r.l.length), byte(r.l.length>>8), byte(r.l.length>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(r.l.ordinal))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

// run is an encoded run of which the checksum and the lengths are right.
type run struct{ ids, places []byte }

func openRun(b []byte) (run, error) {
	if n := len(b) - 4; n > 2 && crc32.Checksum(b[:n], castagnoli()) == binary.LittleEndian.Uint32(b[n:]) {
		if rows := int(binary.LittleEndian.Uint16(b)); rows > 0 && n == 2+rows*rowLen {
			ids := 2 + rows*len(object.ID{})
			return run{b[2:ids], b[ids:n]}, nil
		}
	}
	return run{}, fmt.Errorf("%w: a run of entries", ErrIndex)
}

func (r run) len() int { return len(r.places) / placeLen }

func (r run) id(i int) object.ID { return object.ID(r.ids[i*len(object.ID{}):]) }

func (r run) place(i int) location {
	b := r.places[i*placeLen:]
	return location{
		pack:    binary.LittleEndian.Uint32(b),
		off:     binary.LittleEndian.Uint32(b[4:]),
		length:  uint32(b[8]) | uint32(b[9])<<8 | uint32(b[10])<<16,
		ordinal: uint32(binary.LittleEndian.Uint16(b[11:])),
	}
}

// find returns the row of an object.
func (r run) find(id object.ID) (int, bool) {
	return sort.Find(r.len(), func(i int) int {
		return bytes.Compare(id[:], r.ids[i*len(id):(i+1)*len(id)])
	})
}

func (r run) rows() []indexRow {
	out := make([]indexRow, r.len())
	for i := range out {
		out[i] = indexRow{id: r.id(i), l: r.place(i)}
	}
	return out
}

// wholeRun reports what is wrong with a run under a key.
func wholeRun(key, b []byte) error {
	r, err := openRun(b)
	if err != nil {
		return err
	}
	rows := r.rows()
	if !bytes.Equal(key, rows[0].id[:]) {
		return fmt.Errorf("%w: a run of entries under another id", ErrIndex)
	}
	if !slices.IsSortedFunc(rows, compareRows) {
		return fmt.Errorf("%w: a run of entries in disorder", ErrIndex)
	}
	return nil
}

// merge is the rows of two sorted lists. Of an object that is in both, the change
// counts, or the row, if it stays; what is gone is left out.
func merge(rows, changes []indexRow, stays bool) []indexRow {
	out := make([]indexRow, 0, len(rows)+len(changes))
	for len(rows) > 0 || len(changes) > 0 {
		c := 0
		switch {
		case len(changes) == 0:
			c = -1
		case len(rows) == 0:
			c = 1
		default:
			c = compareRows(rows[0], changes[0])
		}
		take := changes
		if c < 0 || c == 0 && stays {
			take = rows
		}
		if !take[0].gone {
			out = append(out, take[0])
		}
		if c <= 0 {
			rows = rows[1:]
		}
		if c >= 0 {
			changes = changes[1:]
		}
	}
	return out
}
