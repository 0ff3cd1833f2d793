package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// memSet is what a name in a directory shall stand for: nil for nothing.
type memSet struct {
	d    *memNode
	name string
	n    *memNode
}

// memOp is a change of names that a crash takes back wholly or not at all.
type memOp []memSet

type memKey struct {
	d    *memNode
	name string
}

// set changes a name.
func (m *Mem) set(s ...memSet) {
	for _, x := range s {
		if x.n == nil {
			delete(x.d.names, x.name)
		} else {
			x.d.names[x.name] = x.n
		}
		m.touch(x.d)
	}
	m.log = append(m.log, s)
}

// rename changes two names, together if there is a journal.
func (m *Mem) rename(a, b memSet) {
	if m.Journal {
		m.set(a, b)
	} else {
		m.set(a)
		m.set(b)
	}
	for _, s := range []memSet{a, b} {
		if s.n != nil {
			s.n.now.ctime = m.clock()
		}
	}
}

// keep makes the changes durable that match chooses, with the older ones that
// they rest on.
func (m *Mem) keep(match func(memSet) bool) {
	rests := map[memKey]bool{}
	chosen := make([]bool, len(m.log))
	for i, op := range slices.Backward(m.log) {
		chosen[i] = slices.ContainsFunc(op, func(s memSet) bool { return match(s) || rests[memKey{s.d, s.name}] })
		for _, s := range op {
			if chosen[i] {
				rests[memKey{s.d, s.name}] = true
			}
		}
	}
	var left []memOp
	for i, op := range m.log {
		if chosen[i] {
			op.apply(func(d *memNode) map[string]*memNode { return d.held })
		} else {
			left = append(left, op)
		}
	}
	m.log = left
}

func (op memOp) apply(names func(*memNode) map[string]*memNode) {
	for _, s := range op {
		if s.n == nil {
			delete(names(s.d), s.name)
		} else {
			names(s.d)[s.name] = s.n
		}
	}
}

func (m *Mem) syncDir(d *memNode) {
	if !m.DropSyncs {
		m.keep(func(s memSet) bool { return s.d == d })
		d.kept = d.now
	}
}

func (m *Mem) syncAll() {
	if !m.DropSyncs {
		m.keep(func(memSet) bool { return true })
		m.root.keepAll()
	}
}

func (n *memNode) keepAll() {
	n.kept = n.now.clone()
	for _, sub := range n.names {
		sub.keepAll()
	}
}

// Persist makes a file or directory durable with the names that lead to it,
// DropSyncs or not: what a person saved, as the tests of others see it.
func (m *Mem) Persist(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	for _, p := range split(name) {
		m.keep(func(s memSet) bool { return s.d == d && s.name == p })
		if d = d.names[p]; d == nil {
			return
		}
		d.kept = d.now.clone()
	}
}

// Crash forgets what was not synced: see CrashClone. Files opened before must
// not be used any more.
func (m *Mem) Crash(r *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.root, m.log = m.crashed(r), nil
}

// CrashClone is the file system as a crash at this moment leaves it; m goes
// on. Of the changes of each name that no sync has kept, r chooses how many of
// the first survive; of each file that differs from its durable form the old
// form, the new one, or a prefix of the new one followed by zeros.
func (m *Mem) CrashClone(r *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Mem{root: m.crashed(r), ticks: m.ticks, nodes: m.nodes, DropSyncs: m.DropSyncs, Journal: m.Journal}
}

func (m *Mem) crashed(r *rand.Rand) *memNode {
	held := map[*memNode]map[string]*memNode{}
	names := func(d *memNode) map[string]*memNode {
		if held[d] == nil {
			held[d] = maps.Clone(d.held)
		}
		return held[d]
	}
	for _, group := range m.groups() {
		for _, op := range group[:r.IntN(len(group)+1)] {
			op.apply(names)
		}
	}
	return m.root.crashed(r, names, map[*memNode]*memNode{})
}

// groups are the changes that share names, in order.
func (m *Mem) groups() [][]memOp {
	var groups [][]memOp
	of := map[memKey]int{}
	for _, op := range m.log {
		to := -1
		for _, s := range op {
			g, ok := of[memKey{s.d, s.name}]
			switch {
			case !ok || g == to:
			case to < 0:
				to = g
			default: // two groups meet
				from := max(to, g)
				to = min(to, g)
				groups[to] = append(groups[to], groups[from]...)
				groups[from] = nil
				for k, v := range of {
					if v == from {
						of[k] = to
					}
				}
			}
		}
		if to < 0 {
			to = len(groups)
			groups = append(groups, nil)
		}
		groups[to] = append(groups[to], op)
		for _, s := range op {
			of[memKey{s.d, s.name}] = to
		}
	}
	return groups
}

func (n *memNode) crashed(r *rand.Rand, names func(*memNode) map[string]*memNode, done map[*memNode]*memNode) *memNode {
	if c := done[n]; c != nil { // two names of one file
		return c
	}
	c := &memNode{kind: n.kind, inode: n.inode, now: n.now.clone()}
	done[n] = c
	if n.dir() {
		if r.IntN(2) == 0 {
			c.now = n.kept.clone()
		}
		c.names, c.held = map[string]*memNode{}, map[string]*memNode{}
		held := names(n)
		for _, name := range slices.Sorted(maps.Keys(held)) {
			c.names[name] = held[name].crashed(r, names, done)
		}
		maps.Copy(c.held, c.names)
	} else if n.file() && !n.now.equal(n.kept) {
		k := r.IntN(3)
		if k == 1 && slices.Equal(n.now.data, n.kept.data) { // mode or time alone: nothing to tear
			k = 0
		}
		switch k {
		case 0:
			c.now = n.kept.clone()
		case 1:
			clear(c.now.data[r.IntN(len(c.now.data)+1):])
		}
	}
	c.kept = c.now.clone()
	return c
}
