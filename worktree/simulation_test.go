package worktree

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// The simulator plays random histories of three to five devices against the
// project's own rules (Decide, Held, Plan, merge.State): edits, snapshots,
// crashes between state.db and record, interrupted applies, edits under an
// apply, lost state.db, restored disk images, new mappings, partial gossip.
// Then everything is exchanged along a line, and the invariants are checked.

var (
	simN    = flag.Int("sim.n", 2000, "histories to play")
	simSeed = flag.Int64("sim.seed", -1, "replay one history and print it")
)

// simFile is a file on a simulated disk: content number and time.
type simFile struct{ c, m int }

type simDisk map[string]simFile // path "x/a" → file

func (d simDisk) clone() simDisk {
	n := simDisk{}
	for k, v := range d {
		n[k] = v
	}
	return n
}

func (d simDisk) has(c int) bool {
	for _, f := range d {
		if f.c == c {
			return true
		}
	}
	return false
}

func (d simDisk) keys() []string {
	var out []string
	for k := range d {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

type simRecord struct {
	dev, inc, seq int
	head          object.ID
	chain         map[int]bool
}

type simDevice struct {
	id       int
	disk     simDisk
	m        map[string]object.ID // materialised by mapping
	a        []object.ID
	snaps    map[object.ID]bool
	recs     map[int]bool
	inc, seq int
	prev     int
	unpub    object.ID
	skew     int
	mapped   map[string]bool
	pendDrop map[int]bool
	pendPut  map[int]bool
}

func (d *simDevice) copy() *simDevice {
	n := *d
	n.disk = d.disk.clone()
	n.m = map[string]object.ID{}
	for k, v := range d.m {
		n.m[k] = v
	}
	n.a = slices.Clone(d.a)
	cp := func(m map[int]bool) map[int]bool {
		o := map[int]bool{}
		for k := range m {
			o[k] = true
		}
		return o
	}
	n.recs, n.pendDrop, n.pendPut = cp(d.recs), cp(d.pendDrop), cp(d.pendPut)
	n.snaps = map[object.ID]bool{}
	for k := range d.snaps {
		n.snaps[k] = true
	}
	n.mapped = map[string]bool{}
	for k := range d.mapped {
		n.mapped[k] = true
	}
	return &n
}

type simDrop struct{ dev, c, step int }

type simWorld struct {
	t       *testing.T
	ctx     context.Context
	hash    *object.Hasher
	store   *object.Overlay // every object that was ever made: who may see what is for the records to say
	memo    *merge.Memo
	recs    []*simRecord
	devs    []*simDevice
	img     []*simDevice
	imgStep []int
	clock   int
	next    int
	snaps   int
	drops   []simDrop
	ever    map[int]bool
	strong  map[int]bool
	puts    map[int]int
	copied  map[int]bool
	gone    map[int]bool
	bad     map[string]string
	flats   map[object.ID]simDisk
	verbose bool
	killed  bool // a step was done that nobody wrote down
	noBase  bool // negative control: merge with an empty base
	noGiven bool // negative control: the state counts as given to the disk
}

func (w *simWorld) logf(f string, a ...any) {
	if w.verbose {
		fmt.Printf(f+"\n", a...)
	}
}

func (w *simWorld) fail(kind, f string, a ...any) {
	if _, ok := w.bad[kind]; !ok {
		w.bad[kind] = fmt.Sprintf(f, a...)
	}
	w.logf("   !! "+kind+" "+f, a...)
}

func (w *simWorld) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (w *simWorld) env() merge.Env {
	return merge.Env{Get: w.store, Hash: w.hash, Memo: w.memo}
}

func content(c int) string { return fmt.Sprintf("content %d", c) }

func number(e object.Entry) int {
	var c int
	fmt.Sscanf(e.Content.Inline, "content %d", &c)
	return c
}

// tree builds the tree of one mapping ("x") of a disk.
func (w *simWorld) tree(d simDisk, mapping string) object.ID {
	root, _ := object.EmptyTree(w.hash)
	_, plain := object.EmptyTree(w.hash)
	_, err := w.store.Put(w.ctx, object.KindTree, plain)
	w.must(err)
	for _, k := range d.keys() {
		rest, ok := strings.CutPrefix(k, mapping+"/")
		if !ok {
			continue
		}
		f := d[k]
		text := content(f.c)
		e := object.Entry{Kind: object.File, Content: object.Content{Inline: text}, Size: uint64(len(text)), Mode: 0o644, MTime: int64(f.m)}
		root, err = object.SetPath(w.ctx, w.hash, w.store, w.store, root, "/"+rest, &e)
		w.must(err)
	}
	return root
}

// flat is a tree as a disk.
func (w *simWorld) flat(root object.ID) simDisk {
	if d, ok := w.flats[root]; ok {
		return d
	}
	d := simDisk{}
	for pe, err := range object.Walk(w.ctx, w.store, root) {
		w.must(err)
		if pe.Entry.Kind == object.File {
			d[strings.TrimPrefix(pe.Path, "/")] = simFile{number(pe.Entry), int(pe.Entry.MTime)}
		}
	}
	w.flats[root] = d
	return d
}

func (w *simWorld) keep(objs []merge.Object) {
	for _, o := range objs {
		_, err := w.store.Put(w.ctx, o.Kind, o.Plain)
		w.must(err)
	}
}

func (w *simWorld) f(heads []object.ID) object.ID {
	r, err := merge.State(w.ctx, w.env(), heads)
	w.must(err)
	w.keep(r.New)
	return r.Root
}

// heads are those of all records whose snapshots are here.
func (w *simWorld) heads(d *simDevice) []object.ID {
	var c []object.ID
	for i := range d.recs {
		if d.snaps[w.recs[i].head] {
			c = append(c, w.recs[i].head)
		}
	}
	h, err := merge.Heads(w.ctx, w.env(), c)
	w.must(err)
	return h
}

func (w *simWorld) publish(d *simDevice, head object.ID) {
	d.seq++
	r := &simRecord{dev: d.id, inc: d.inc, seq: d.seq, head: head, chain: map[int]bool{}}
	i := len(w.recs)
	if d.prev >= 0 && w.recs[d.prev].inc == d.inc {
		for k := range w.recs[d.prev].chain {
			r.chain[k] = true
		}
	}
	r.chain[i] = true
	w.recs = append(w.recs, r)
	d.recs[i] = true
	d.prev = i
}

func (d *simDevice) scope(path string) bool { return d.mapped[path[:1]] }

func (w *simWorld) restrict(d *simDevice, t simDisk) simDisk {
	n := simDisk{}
	for k, v := range t {
		if d.scope(k) {
			n[k] = v
		}
	}
	return n
}

func (d *simDevice) mappings() []string {
	var out []string
	for m := range d.mapped {
		out = append(out, m)
	}
	sort.Strings(out)
	return out
}

func (w *simWorld) snapshot(d *simDevice, crash bool) bool {
	h := w.heads(d)
	s := Situation{Env: w.env(), A: d.a, H: h}
	if w.noGiven {
		s.A = h
	}
	for _, m := range d.mappings() {
		x := Mapped{Path: "/" + m, Materialised: d.m[m], Scanned: w.tree(d.disk, m)}
		if x.Materialised.IsZero() {
			x.Materialised, _ = object.EmptyTree(w.hash)
		}
		if w.noGiven {
			if e, ok, err := object.LookupPath(w.ctx, w.store, w.f(h), "/"+m); err == nil && ok && e.Kind == object.Dir {
				x.Materialised = e.Tree
			}
		}
		if w.noBase {
			x.Materialised, _ = object.EmptyTree(w.hash)
		}
		s.Mapped = append(s.Mapped, x)
	}
	for c := range d.pendDrop {
		w.drops = append(w.drops, simDrop{d.id, c, w.clock})
	}
	pend, drops := d.pendPut, d.pendDrop
	d.pendPut, d.pendDrop = map[int]bool{}, map[int]bool{}
	dec, err := Decide(w.ctx, s)
	w.must(err)
	given := func(a []object.ID) {
		d.a = a
		for _, m := range s.Mapped {
			d.m[m.Path[1:]] = m.Scanned
		}
	}
	switch dec.Kind {
	case Nothing:
		return false
	case Adopt:
		given(h)
		return false
	}
	before := w.flat(w.f(h))
	w.keep(dec.New)
	snap := object.Snapshot{Root: dec.Tree, Parents: slices.Clone(s.A), MergeVersion: 1, Device: object.DeviceID{byte(d.id + 1)}, Time: int64(w.clock + d.skew), Message: fmt.Sprint(w.snaps), Conflicts: dec.Conflicts}
	slices.SortFunc(snap.Parents, func(a, b object.ID) int { return bytes.Compare(a[:], b[:]) })
	if len(snap.Parents) > 0 {
		snap.Base = dec.Base
		if dec.Base != w.f(snap.Parents) {
			w.fail("base-impure", "recorded base differs")
		}
	}
	b, err := object.EncodeSnapshot(snap)
	w.must(err)
	id, err := w.store.Put(w.ctx, object.KindSnapshot, b)
	w.must(err)
	w.snaps++
	d.snaps[id] = true
	given([]object.ID{id})
	if crash {
		d.unpub = id
	} else {
		w.publish(d, id)
	}
	after := w.flat(w.f(w.heads(d)))
	w.logf("   snapshot %s by %d parents %d tree %v state %v", id.Short(), d.id, len(snap.Parents), w.flat(dec.Tree), after)
	if !crash {
		for p, e := range before {
			if !after.has(e.c) && !drops[e.c] && !w.dropped(d.id, e.c) {
				w.fail("I5a-unseen-undone", "dev %d drops %d at %s", d.id, e.c, p)
				break
			}
		}
		for p, e := range after {
			if !before.has(e.c) && !pend[e.c] && !w.killed {
				w.fail("I5b-brings-back", "dev %d brings back %d at %s", d.id, e.c, p)
				break
			}
		}
	}
	return true
}

func (w *simWorld) dropped(dev, c int) bool {
	return slices.ContainsFunc(w.drops, func(e simDrop) bool { return e.dev == dev && e.c == c })
}

// apply carries out at most limit steps; at step race the person edits the
// very path.
func (w *simWorld) apply(d *simDevice, limit, race int, kill bool, o simOp) {
	did := 0
	for range 20 {
		h := w.heads(d)
		root := w.f(h)
		want := map[string]object.ID{}
		var steps []Step
		for _, m := range d.mappings() {
			e, ok, err := object.LookupPath(w.ctx, w.store, root, "/"+m)
			w.must(err)
			id := e.Tree
			if !ok || id.IsZero() {
				id, _ = object.EmptyTree(w.hash)
			}
			want[m] = id
			for s, err := range Plan(w.ctx, w.store, d.m[m], id) {
				w.must(err)
				s.Path = append([]string{m}, s.Path...)
				steps = append(steps, s)
			}
		}
		if limit > did || len(steps) == 0 {
			d.a = h
		}
		replan := false
		done := func(s Step) {
			if kill { // nothing was written down
				return
			}
			m := s.Path[0]
			s.Path = s.Path[1:]
			id, err := Advance(w.ctx, w.hash, w.store, w.store, d.m[m], []Step{s})
			w.must(err)
			d.m[m] = id
		}
		for _, s := range steps {
			if s.Op != OpWrite && s.Op != OpDelete && s.Op != OpMeta {
				done(s) // simulated directories come and go with their files
				continue
			}
			if did >= limit {
				w.killed = w.killed || kill && did > 0
				return
			}
			p := strings.Join(s.Path, "/")
			if did == race {
				if f, ok := d.disk[p]; ok && o.c%3 == 0 {
					delete(d.disk, p)
					w.drop(d, f.c)
				} else {
					w.next++
					w.put(d, p, w.next)
				}
			}
			did++
			f, here := d.disk[p]
			expected := here == (s.From != nil) && (!here || f.c == number(*s.From))
			there := here == (s.To != nil) && (!here || f.c == number(*s.To))
			if !expected && !there {
				if w.snapshot(d, false) {
					replan = true
					break
				}
				if s2 := d.m[s.Path[0]]; s2 != (object.ID{}) && w.tree(d.disk, s.Path[0]) == s2 { // adopted meanwhile: plan again
					replan = true
					break
				}
			}
			if s.To != nil {
				d.disk[p] = simFile{number(*s.To), int(s.To.MTime)}
			} else {
				delete(d.disk, p)
			}
			done(s)
		}
		if replan {
			continue
		}
		d.a = h
		for m, id := range want {
			d.m[m] = id
		}
		return
	}
}

// newSimWorld makes n devices; skews move their clocks and say who maps what.
func newSimWorld(t *testing.T, n int, skews []int) *simWorld {
	h := object.NewHasher([32]byte{3}, [32]byte{4})
	w := &simWorld{t: t, ctx: context.Background(), hash: h, store: object.NewOverlay(nil, h), memo: merge.NewMemo(),
		ever: map[int]bool{}, strong: map[int]bool{}, puts: map[int]int{}, copied: map[int]bool{}, gone: map[int]bool{}, bad: map[string]string{}, flats: map[object.ID]simDisk{}}
	for i := range n {
		d := &simDevice{id: i, disk: simDisk{}, m: map[string]object.ID{}, snaps: map[object.ID]bool{}, recs: map[int]bool{}, prev: -1, skew: skews[i],
			mapped: map[string]bool{"x": true}, pendDrop: map[int]bool{}, pendPut: map[int]bool{}}
		if i == 0 || skews[i]%3 != 0 {
			d.mapped["y"] = true
		}
		w.devs = append(w.devs, d)
		w.img = append(w.img, nil)
		w.imgStep = append(w.imgStep, 0)
	}
	return w
}
