package worktree

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/bsvsync/bsv/object"
)

// sources gives entries of the trees that a directory had: the one of its row
// and the materialised one. Each is read at most once, when it is needed.
type sources struct {
	s         *scanner
	ctx       context.Context
	old, base object.ID
	dev       uint64 // of the directory

	mu              sync.Mutex
	oldMap, baseMap map[string]object.Entry
	asked           int // entries of base that were looked up one by one
}

// lookups is how many entries of a directory are looked up before it is read.
const lookups = 16

func load(ctx context.Context, g object.Getter, id object.ID) (map[string]object.Entry, error) {
	m := map[string]object.Entry{}
	for e, err := range seqEntries(ctx, g, id) {
		if err != nil {
			return nil, err
		}
		m[e.Name] = e
	}
	return m, nil
}

func seqEntries(ctx context.Context, g object.Getter, id object.ID) iter.Seq2[object.Entry, error] {
	return object.Entries(ctx, g, id, "")
}

// unchanged is the entry of a name in the tree of the row. It is not read
// before the directory turns out to need a new tree.
func (r *sources) unchanged(name string) (object.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.oldMap == nil {
		m, err := load(r.ctx, r.s.o.Store, r.old)
		if err != nil {
			return object.Entry{}, err
		}
		r.oldMap = m
	}
	e, ok := r.oldMap[name]
	if !ok {
		return object.Entry{}, errRow
	}
	return e, nil
}

func (r *sources) baseEntry(name string) (object.Entry, bool, error) {
	r.mu.Lock()
	r.asked++
	single := r.baseMap == nil && r.asked <= lookups
	r.mu.Unlock()
	if single {
		return object.Lookup(r.ctx, r.s.o.Store, r.base, name)
	}
	m, err := r.baseEntries()
	e, ok := m[name]
	return e, ok, err
}

// baseEntries is the materialised directory; it is not to be changed.
func (r *sources) baseEntries() (map[string]object.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.baseMap == nil {
		m, err := load(r.ctx, r.s.o.Store, r.base)
		if err != nil {
			return nil, err
		}
		r.baseMap = m
	}
	return r.baseMap, nil
}

// reserved are the names of the materialised directory that are bsv's own.
func (r *sources) reserved(old *row) ([]string, error) {
	const all = ".bsv" // begins them all
	var own []string
	if old != nil && old.tree == r.base { // no need to read the tree
		i, _ := slices.BinarySearchFunc(old.names, all, func(n rowName, s string) int { return strings.Compare(n.name, s) })
		for ; i < len(old.names) && strings.HasPrefix(old.names[i].name, all); i++ {
			if reserved(old.names[i].name) {
				own = append(own, old.names[i].name)
			}
		}
		return own, nil
	}
	for e, err := range object.Entries(r.ctx, r.s.o.Store, r.base, all) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(e.Name, all) {
			break
		}
		if reserved(e.Name) {
			own = append(own, e.Name)
		}
	}
	return own, nil
}
