package worktree

import (
	"hash/maphash"
	"sync"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// maxWritten bounds how many files are remembered, at about 40 bytes each. Those
// beyond are read again.
const maxWritten = 2 << 20

// Written remembers what Apply wrote and what stat said of it, by path below
// the mapping: sums only, since all that is asked is whether something is the
// same. The zero value is empty.
type Written struct {
	mu   sync.Mutex
	seed maphash.Seed
	m    map[uint64]writtenSums // by the sum of the path
}

// writtenSums are of an entry with what a rename leaves of a stat, and of all.
type writtenSums struct{ lasting, all uint64 }

func sumsOf(seed maphash.Seed, st vfs.Stat, e object.Entry) writtenSums {
	r := rowOf(e.Name, st)
	lasting := maphash.Comparable(seed, struct {
		entry       object.Entry
		size, mtime int64
		inode       uint64
		kind        object.EntryKind
	}{e, r.size, r.mtime, r.inode, r.kind})
	return writtenSums{lasting, maphash.Comparable(seed, struct {
		lasting uint64
		ctime   int64
		mode    uint16
	}{lasting, r.ctime, r.mode})}
}

func (w *Written) set(path string, st vfs.Stat, e object.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m, w.seed = map[uint64]writtenSums{}, maphash.MakeSeed()
	}
	k := maphash.String(w.seed, path)
	if _, ok := w.m[k]; ok || len(w.m) < maxWritten {
		w.m[k] = sumsOf(w.seed, st, e)
	}
}

func (w *Written) get(path string) (writtenSums, bool) {
	if w == nil {
		return writtenSums{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		return writtenSums{}, false
	}
	v, ok := w.m[maphash.String(w.seed, path)]
	return v, ok
}

// has reports whether something was written at a path.
func (w *Written) has(path string) bool {
	_, ok := w.get(path)
	return ok
}

// still reports whether a path holds an entry as it was written.
func (w *Written) still(path string, st vfs.Stat, e object.Entry) bool {
	v, ok := w.get(path)
	return ok && v.all == sumsOf(w.seed, st, e).all
}

// displaced is still after a rename, which touches ctime.
func (w *Written) displaced(path string, st vfs.Stat, e object.Entry) bool {
	v, ok := w.get(path)
	return ok && v.lasting == sumsOf(w.seed, st, e).lasting
}
