package worktree

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

type simOp struct {
	kind       string
	d, a, b, c int
}

type simHistory struct {
	n     int
	skews []int
	ops   []simOp
}

func simGenerate(seed int64) simHistory {
	r := rand.New(rand.NewSource(seed))
	h := simHistory{n: 3 + r.Intn(3)}
	for i := range h.n {
		s := 0
		if r.Intn(2) == 0 {
			s = r.Intn(21) - 10
		}
		if r.Intn(3) != 0 && i > 0 && s%3 == 0 {
			s++
		}
		h.skews = append(h.skews, s)
	}
	var bag []string
	add := func(k string, n int) {
		for range n {
			bag = append(bag, k)
		}
	}
	add("edit", 14)
	add("snapshot", 6)
	add("gossip", 8)
	add("sync", 6)
	add("apply", 6)
	add("crash", 1)
	if r.Intn(4) == 0 {
		add("kill", 2)
	}
	add("loss", 1)
	add("image", 1)
	add("restore", 1)
	add("map", 1)
	steps := 15 + r.Intn(46)
	off := -1
	if r.Intn(3) == 0 { // one device is away for long
		off = r.Intn(h.n)
	}
	for i := range steps {
		o := simOp{bag[r.Intn(len(bag))], r.Intn(h.n), r.Intn(1 << 20), r.Intn(1 << 20), r.Intn(1 << 20)}
		if off >= 0 && i > steps/5 && (o.kind == "gossip" || o.kind == "sync") && (o.d == off || o.a%h.n == off) {
			o.kind = "edit"
			if r.Intn(2) == 0 {
				o.kind = "snapshot"
			}
		}
		h.ops = append(h.ops, o)
	}
	return h
}

func (w *simWorld) drop(d *simDevice, c int) {
	if !d.disk.has(c) {
		d.pendDrop[c] = true
		w.strong[c] = true
	}
	w.ever[c] = true
}

func (w *simWorld) put(d *simDevice, p string, c int) {
	old, ok := d.disk[p]
	d.disk[p] = simFile{c, w.clock + d.skew}
	d.pendPut[c] = true
	delete(d.pendDrop, c)
	w.puts[c]++
	if ok && old.c != c {
		w.drop(d, old.c)
	}
	w.logf("   dev %d writes %s=%d", d.id, p, c)
}

func (w *simWorld) edit(d *simDevice, o simOp) {
	keys := d.disk.keys()
	var inner []string
	for _, n := range []string{"x/a", "x/b", "y/a", "y/c"} {
		if d.scope(n) {
			inner = append(inner, n)
		}
	}
	pick := func() (string, bool) {
		if len(keys) == 0 {
			return "", false
		}
		return keys[o.b%len(keys)], true
	}
	switch o.a % 10 {
	case 0, 1, 2:
		w.next++
		w.put(d, inner[o.b%len(inner)], w.next)
	case 3, 4:
		if p, ok := pick(); ok {
			w.next++
			w.put(d, p, w.next)
		}
	case 5, 6:
		if p, ok := pick(); ok {
			e := d.disk[p]
			delete(d.disk, p)
			w.logf("   dev %d deletes %s (%d)", d.id, p, e.c)
			w.drop(d, e.c)
		}
	case 7:
		q := inner[o.c%len(inner)]
		if p, ok := pick(); ok {
			if _, taken := d.disk[q]; taken {
				return
			}
			e := d.disk[p]
			delete(d.disk, p)
			d.disk[q] = e
			d.pendPut[e.c] = true
			w.copied[e.c] = true
			w.logf("   dev %d renames %s -> %s", d.id, p, q)
		}
	case 8: // the same content, added independently
		i := o.b % len(inner)
		w.put(d, inner[i], 1000+i)
		w.copied[1000+i] = true
	case 9: // conflict copies first
		for _, p := range keys {
			if strings.Contains(p, ".conflict-") {
				if o.c%2 == 0 {
					e := d.disk[p]
					delete(d.disk, p)
					w.drop(d, e.c)
				} else {
					w.next++
					w.put(d, p, w.next)
				}
				return
			}
		}
		if p, ok := pick(); ok {
			e := d.disk[p]
			e.m = w.clock + d.skew
			d.disk[p] = e
			w.copied[e.c] = true
		}
	}
}

func (w *simWorld) newest(d *simDevice, dev int) int {
	inc := -1
	for i := range d.recs {
		if w.recs[i].dev == dev {
			inc = max(inc, w.recs[i].inc)
		}
	}
	return inc
}

func (w *simWorld) ancestors(id object.ID, into map[object.ID]bool) {
	if into[id] {
		return
	}
	into[id] = true
	s, err := object.GetSnapshot(w.ctx, w.store, id)
	w.must(err)
	for _, p := range s.Parents {
		w.ancestors(p, into)
	}
}

func (w *simWorld) receive(d *simDevice, i int, objects bool) {
	r := w.recs[i]
	d.recs[i] = true
	if objects {
		w.ancestors(r.head, d.snaps)
	}
	if r.dev == d.id {
		own := d.prev >= 0 && w.recs[d.prev].chain[i]
		if !own && r.inc >= d.inc { // a restored image, or a fork of itself: the next incarnation
			d.inc = w.newest(d, d.id) + 1
			d.seq = 0
			if d.prev >= 0 {
				w.publish(d, w.recs[d.prev].head)
			}
		}
	}
}

func (w *simWorld) send(from, to *simDevice, sel int, full bool) {
	n := 0
	for i := range len(w.recs) {
		r := w.recs[i]
		if !from.recs[i] || to.recs[i] && (!from.snaps[r.head] || to.snaps[r.head]) {
			continue
		}
		n++
		if !full && (sel>>(n%12))&1 == 0 {
			continue
		}
		objs := from.snaps[r.head]
		if !full && (sel>>12)%5 == 0 {
			objs = false
		}
		w.receive(to, i, objs)
	}
}

// forget is the loss of what state.db says of some mappings.
func (w *simWorld) forget(d *simDevice, which []string, all bool) {
	if all {
		d.a = w.heads(d)
	}
	for _, m := range which {
		var roots []object.ID
		for id := range d.snaps {
			s, err := object.GetSnapshot(w.ctx, w.store, id)
			w.must(err)
			e, ok, err := object.LookupPath(w.ctx, w.store, s.Root, "/"+m)
			w.must(err)
			if ok && e.Kind == object.Dir {
				roots = append(roots, e.Tree)
			}
		}
		id, err := Held(w.ctx, w.hash, w.store, w.store, w.tree(d.disk, m), roots)
		w.must(err)
		d.m[m] = id
	}
}

func (w *simWorld) checkGone(c int) {
	for _, d := range w.devs {
		if d.disk.has(c) {
			return
		}
		for id := range d.snaps {
			s, err := object.GetSnapshot(w.ctx, w.store, id)
			w.must(err)
			if w.flat(s.Root).has(c) {
				return
			}
		}
	}
	w.gone[c] = true
}

func (w *simWorld) start(d *simDevice) {
	if !d.unpub.IsZero() {
		w.publish(d, d.unpub)
		d.unpub = object.ID{}
	}
}

func (w *simWorld) step(o simOp) {
	w.clock++
	n := len(w.devs)
	d := w.devs[o.d%n]
	w.start(d)
	w.logf("%3d %s dev %d", w.clock, o.kind, d.id)
	switch o.kind {
	case "edit":
		w.edit(d, o)
	case "snapshot":
		w.snapshot(d, false)
	case "crash":
		w.snapshot(d, true)
	case "gossip":
		if p := w.devs[o.a%n]; p != d {
			w.send(d, p, o.b, o.c%3 != 0)
			if o.c%2 == 0 {
				w.send(p, d, o.b, o.c%3 != 0)
			}
		}
	case "apply":
		race, limit := -1, 99
		if o.a%3 == 0 {
			limit = o.c % 3
		}
		if o.a%4 == 1 {
			race = o.c % 2
		}
		w.apply(d, limit, race, false, o)
	case "kill": // the process ends in the middle, before it wrote down what it did
		w.apply(d, o.c%3, -1, true, o)
	case "sync":
		p := w.devs[o.a%n]
		w.snapshot(d, false)
		if p != d {
			w.send(p, d, 0, true)
			w.send(d, p, 0, true)
		}
		limit := 99
		if o.c%4 == 0 {
			limit = o.b % 3
		}
		w.apply(d, limit, -1, false, o)
	case "loss":
		d.pendDrop = map[int]bool{}
		w.forget(d, d.mappings(), true)
	case "image":
		w.img[d.id], w.imgStep[d.id] = d.copy(), w.clock
	case "restore":
		im := w.img[d.id]
		if im == nil {
			return
		}
		w.devs[d.id] = im.copy()
		for _, k := range d.disk.keys() {
			w.checkGone(d.disk[k].c)
		}
		for id := range d.snaps {
			s, err := object.GetSnapshot(w.ctx, w.store, id)
			w.must(err)
			for _, e := range w.flat(s.Root) {
				w.checkGone(e.c)
			}
		}
		w.drops = slices.DeleteFunc(w.drops, func(e simDrop) bool { return e.dev == d.id && e.step > w.imgStep[d.id] })
	case "map":
		if d.mapped["y"] {
			return
		}
		d.mapped["y"] = true
		if o.a%2 == 0 { // a directory that is not empty
			for i, name := range []string{"y/a", "y/c"} {
				if (o.b>>i)&1 == 1 {
					c := 2000 + i
					if o.c%2 == 0 {
						w.next++
						c = w.next
					} else {
						w.copied[c] = true
					}
					w.put(d, name, c)
				}
			}
		}
		w.forget(d, []string{"y"}, false)
	}
}

// finish exchanges everything along a line, n-1 rounds, and checks.
func (w *simWorld) finish() {
	n := len(w.devs)
	w.logf("--- quiescence")
	w.clock++
	settle := func() {
		for _, d := range w.devs {
			w.snapshot(d, false)
			w.apply(d, 99, -1, false, simOp{})
		}
	}
	for _, d := range w.devs {
		w.start(d)
	}
	settle()
	for r := 1; r < n; r++ {
		w.clock++
		old := make([]*simDevice, n)
		for i, d := range w.devs {
			old[i] = d.copy()
		}
		for i := range n - 1 {
			w.send(old[i], w.devs[i+1], 0, true)
			w.send(old[i+1], w.devs[i], 0, true)
		}
		n0 := w.snaps
		settle()
		if w.snaps != n0 {
			w.fail("I2-late-snapshot", "round %d wrote %d snapshots", r, w.snaps-n0)
		}
	}
	same := func() bool {
		first := w.f(w.heads(w.devs[0]))
		for _, d := range w.devs {
			if w.f(w.heads(d)) != first || fmt.Sprint(w.restrict(d, w.flat(first))) != fmt.Sprint(d.disk) {
				return false
			}
		}
		return true
	}
	if !same() {
		w.fail("I1-not-in-n-1", "not equal after n-1 rounds")
		for _, d := range w.devs {
			w.logf("   dev %d state %v disk %v", d.id, w.flat(w.f(w.heads(d))), d.disk)
		}
	}
	ok := false
	for r := 0; r < 12 && !ok; r++ {
		w.clock++
		n0 := w.snaps
		for i := range n {
			for j := range n {
				if i != j {
					w.send(w.devs[i], w.devs[j], 0, true)
				}
			}
		}
		settle()
		ok = w.snaps == n0 && same()
	}
	if !ok {
		w.fail("I1-never", "never equal")
	}
	final := w.flat(w.f(w.heads(w.devs[0])))
	for c := range w.puts {
		if !w.ever[c] && !w.gone[c] && !final.has(c) {
			w.fail("I3-lost", "content %d is gone, nobody dropped it", c)
		}
		if !w.strong[c] && w.ever[c] && !w.gone[c] && !final.has(c) {
			w.fail("I3-strong", "content %d is gone, every drop left another copy on that disk", c)
		}
	}
	for _, e := range w.drops {
		if final.has(e.c) && !w.killed && !w.copied[e.c] && w.puts[e.c] == 1 {
			w.fail("I4-resurrected", "content %d dropped by dev %d at %d is back", e.c, e.dev, e.step)
		}
	}
}
