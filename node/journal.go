package node

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// ErrClone is wrapped by errors about a second device that runs with this
// one's keys.
var ErrClone = errors.New("a copy of this device is running")

// number is a record's place in its device's history, and which record it is.
type number struct {
	incarnation, seq uint64
	digest           [32]byte
}

func (a number) after(b number) bool {
	return a.incarnation > b.incarnation || a.incarnation == b.incarnation && a.seq > b.seq
}

// journal is what this device remembers of its own records. A record is noted
// before it is stored, so that none is ever taken for somebody else's, and no
// number is used twice, wherever a crash falls.
type journal struct {
	opened  uint64   // the incarnation that was opened over another's records; 0: none
	news    [32]byte // what was seen of the others, see view.news
	records []number // oldest first
}

const (
	// maxJournal is how many records are remembered.
	maxJournal = 64
	// cloneWindow is after how many records in an incarnation a copy that runs
	// would have answered: what comes later is another restored image.
	cloneWindow = 64
)

func (j journal) last() number {
	if len(j.records) == 0 {
		return number{}
	}
	return j.records[len(j.records)-1]
}

// foreign reports whether a record in this device's name is somebody else's
// work that has not been answered by a new incarnation.
func (j journal) foreign(f number) bool {
	last := j.last()
	if f.incarnation < last.incarnation || len(j.records) == maxJournal && !f.after(j.records[0]) {
		return false // answered, or beyond what is remembered
	}
	for _, r := range j.records {
		if r.digest == f.digest {
			return false
		}
	}
	return true
}

// next is the number of the record after those that were found in this
// device's name. The random number makes a new incarnation distinct from one
// that a copy opens.
func (j journal) next(found []number, random uint32) (n number, opened uint64, err error) {
	last, top := j.last(), j.last()
	alien := false
	for _, f := range found {
		if f.after(top) {
			top = f
		}
		alien = alien || j.foreign(f)
	}
	fresh := (top.incarnation>>32+1)<<32 | uint64(random)
	switch {
	case len(j.records) == 0: // the first record, or a lost state.db
		return number{incarnation: fresh, seq: 1}, 0, nil
	case alien && j.opened == last.incarnation && last.seq <= cloneWindow:
		return number{}, 0, ErrClone
	case alien:
		return number{incarnation: fresh, seq: 1}, fresh, nil
	}
	return number{incarnation: last.incarnation, seq: last.seq + 1}, j.opened, nil
}

func (j journal) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, j.opened)
	b = append(b, j.news[:]...)
	for _, r := range j.records[max(0, len(j.records)-maxJournal):] {
		b = binary.BigEndian.AppendUint64(b, r.incarnation)
		b = binary.BigEndian.AppendUint64(b, r.seq)
		b = append(b, r.digest[:]...)
	}
	return b
}

// decodeJournal reads a journal; one that cannot be read is lost, like one
// that is not there.
func decodeJournal(b []byte) journal {
	const each = 8 + 8 + 32
	if len(b) < 40 || (len(b)-40)%each != 0 {
		return journal{}
	}
	j := journal{opened: binary.BigEndian.Uint64(b), news: [32]byte(b[8:40])}
	for b = b[40:]; len(b) > 0; b = b[each:] {
		j.records = append(j.records, number{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), [32]byte(b[16:])})
	}
	return j
}

func numbers(list []known) []number {
	var out []number
	for _, k := range list {
		out = append(out, number{k.rec.Incarnation, k.rec.Seq, k.digest})
	}
	return out
}

// forked reports whether two of a device's records, oldest first, cannot both
// stand in one history.
func forked(list []known) bool {
	for i := 1; i < len(list); i++ {
		a, b := list[i-1].rec, list[i].rec
		if a.Incarnation != b.Incarnation {
			continue
		}
		if a.Seq == b.Seq || a.Seq+1 == b.Seq && b.Prev != list[i-1].digest {
			return true
		}
	}
	return false
}

// Warnings about records, see Status.
func (n *Node) recordWarnings(v *vault) ([]Warning, error) {
	b, err := n.home.State().Value("journal")
	if err != nil {
		return nil, err
	}
	w := v.view
	w.mu.Lock()
	lists := map[object.DeviceID][]known{}
	for d := range w.members {
		lists[d] = w.ofLocked(d)
	}
	w.mu.Unlock()
	var out []Warning
	devices := n.names(v)
	byID := func(a, b object.DeviceID) int { return compareID(object.ID(a), object.ID(b)) }
	for _, d := range slices.SortedFunc(maps.Keys(lists), byID) {
		list, name := lists[d], devices.of(d)
		if len(list) > 1 && list[0].rec.Incarnation != list[len(list)-1].rec.Incarnation {
			out = append(out, Warning{name + " was restored from an image or copied: what it published before counts too", "on that device: bsv sync"})
		}
		if forked(list) {
			out = append(out, Warning{name + " published two records in one place: it was copied, or restored from an image; both count", "on that device: bsv sync"})
		}
	}
	if _, _, err := decodeJournal(b).next(numbers(lists[v.id]), 0); err != nil {
		out = append(out, Warning{cloneMsg, cloneHint})
	}
	return out, nil
}

const (
	cloneMsg  = "a copy of this device's home is running elsewhere: this one publishes nothing more"
	cloneHint = "on one of the two: move its home away, remove .bsvmap from its mapped directories, and make it a device of its own: bsv join TICKET VPATH=DIR"
)
