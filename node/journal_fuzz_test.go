package node

import (
	"bytes"
	"testing"
)

// A journal that decodes has a bounded number of records and is written as it
// was read.
func FuzzDecodeJournal(f *testing.F) {
	f.Add(journal{}.encode())
	f.Add(journal{opened: 1, records: []number{at(1<<32, 1, 1), at(1<<32, 2, 2)}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		j := decodeJournal(b)
		again := decodeJournal(j.encode())
		if again.opened != j.opened || again.news != j.news || again.last() != j.last() {
			t.Errorf("%+v is read as %+v", j, again)
		}
		if len(j.records) > 0 && len(j.records) <= maxJournal && !bytes.Equal(j.encode(), b) {
			t.Errorf("%x is written as %x", b, j.encode())
		}
	})
}
