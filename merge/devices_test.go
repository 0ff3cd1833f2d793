package merge_test

import (
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// Histories of devices that edit the whole state, snapshot, and exchange
// heads. What lies between a state and a disk is simulated in worktree.

var (
	devicesN    = flag.Int("devices.n", 1500, "histories to play")
	devicesSeed = flag.Int64("devices.seed", -1, "replay one history")
)

type device struct {
	id    byte
	heads []object.ID
	skew  int64
}

type pathSet map[string]bool

type play struct {
	*world
	rnd     *rand.Rand
	seed    int64
	clock   int64
	next    int
	devs    []*device
	written map[string]string  // content → path of its only birth
	dropped map[string]bool    // contents that an edit made vanish from a state
	left    map[string]pathSet // content → paths at which an edit dropped it while it stood elsewhere
	moved   map[string]bool    // contents that a person copied or moved
	back    int                // contents that came back after they were dropped
}

func (p *play) root(heads []object.ID) merge.Result {
	p.t.Helper()
	r, err := merge.State(p.ctx, p.env(), heads)
	p.must(err)
	p.keep(r.New)
	return r
}

func (p *play) content() string {
	p.next++
	return fmt.Sprint(p.next)
}

// edit changes the state of a device once or several times and writes the
// snapshot.
func (p *play) edit(d *device) {
	r := p.root(d.heads)
	before := p.flat(r.Root)
	f := merged(before, nil)
	first := p.next + 1
	for range 1 + p.rnd.Intn(3) {
		path := clashing[p.rnd.Intn(len(clashing))]
		have := slices.DeleteFunc(keys(f), func(q string) bool { return f[q].Kind == object.Dir })
		var old string
		if len(have) > 0 {
			old = have[p.rnd.Intn(len(have))]
		}
		now := p.clock + d.skew
		switch op := p.rnd.Intn(10); {
		case op < 4 || old == "":
			c := p.content()
			p.written[c] = path
			f.put(path, file(c, now))
		case op < 6:
			c := p.content()
			p.written[c] = old
			f.put(old, file(c, now))
		case op < 8:
			delete(f, old)
		case op == 8 && !object.Within(path, old) && !object.Within(old, path): // move
			e := f[old]
			delete(f, old)
			f.put(path, e)
			p.moved[e.Content.Inline] = true
		default: // touch
			e := f[old]
			e.MTime = now
			f[old] = e
			p.moved[e.Content.Inline] = true
		}
	}
	after := f.contents()
	for q, e := range before {
		c := e.Content.Inline
		switch {
		case e.Kind != object.File || identity(f[q]) == identity(e):
		case !after[identity(e)]:
			p.dropped[c] = true
		default:
			if p.left[c] == nil {
				p.left[c] = pathSet{}
			}
			p.left[c][q] = true
		}
	}
	for i := first; i <= p.next; i++ { // written and gone within one edit: nobody saw it
		if c := fmt.Sprint(i); !after["file "+c] {
			p.dropped[c] = true
		}
	}
	root := p.tree(f)
	if root == r.Root {
		return
	}
	var conflicts []object.Conflict
	for _, c := range r.Conflicts {
		if slices.ContainsFunc(c.Copies, func(q string) bool { _, ok := f[q]; return ok }) {
			conflicts = append(conflicts, c)
		}
	}
	d.heads = []object.ID{p.snapshot(d.id, p.clock+d.skew, root, conflicts, d.heads...)}
}

func (p *play) receive(to, from *device) {
	heads, err := merge.Heads(p.ctx, p.env(), append(slices.Clone(to.heads), from.heads...))
	p.must(err)
	to.heads = heads
}

func (p *play) failf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("-devices.seed %d: %s", p.seed, fmt.Sprintf(format, args...))
}

func playDevices(t *testing.T, seed int64) *play {
	p := &play{world: newWorld(t), rnd: rand.New(rand.NewSource(seed)), seed: seed, written: map[string]string{}, dropped: map[string]bool{}, left: map[string]pathSet{}, moved: map[string]bool{}}
	for i := range 2 + p.rnd.Intn(4) {
		p.devs = append(p.devs, &device{id: byte(i + 1), skew: int64(p.rnd.Intn(21) - 10)})
	}
	for range 10 + p.rnd.Intn(30) {
		p.clock++
		d := p.devs[p.rnd.Intn(len(p.devs))]
		if p.rnd.Intn(2) == 0 {
			p.edit(d)
		} else if o := p.devs[p.rnd.Intn(len(p.devs))]; o != d {
			p.receive(d, o)
			if p.rnd.Intn(2) == 0 {
				p.receive(o, d)
			}
		}
	}
	return p
}

// quiet exchanges along a line, n-1 rounds, and checks the invariants.
func (p *play) quiet() {
	p.t.Helper()
	n := len(p.devs)
	for range n - 1 {
		old := make([]device, n)
		for i, d := range p.devs {
			old[i] = *d
		}
		for i := range n - 1 {
			p.receive(p.devs[i+1], &old[i])
			p.receive(p.devs[i], &old[i+1])
		}
	}
	heads := p.devs[0].heads
	r := p.root(heads)
	final := p.flat(r.Root)
	for _, d := range p.devs {
		// In the order in which the device heard of them, and without a memo.
		p.rnd.Shuffle(len(d.heads), func(i, j int) { d.heads[i], d.heads[j] = d.heads[j], d.heads[i] })
		other, err := merge.State(p.ctx, merge.Env{Get: p.store, Hash: p.hash}, d.heads)
		p.must(err)
		if other.Root != r.Root {
			p.failf("device %d: %v, want %v", d.id, p.flat(other.Root), final)
		}
		if fmt.Sprint(copiesOf(other)) != fmt.Sprint(copiesOf(r)) {
			p.failf("device %d has other records", d.id)
		}
	}
	// Idempotent: a snapshot of the state changes neither it nor its records,
	// also beside the heads that it has seen.
	s := p.snapshot(1, p.clock, r.Root, r.Conflicts, heads...)
	for _, set := range [][]object.ID{{s}, append([]object.ID{s}, heads...)} {
		if again := p.root(set); again.Root != r.Root || fmt.Sprint(copiesOf(again)) != fmt.Sprint(copiesOf(r)) {
			p.failf("not idempotent: %v, want %v", p.flat(again.Root), final)
		}
	}
	// What the heads have seen adds nothing.
	var older []object.ID
	for _, h := range heads {
		b, err := p.store.Get(p.ctx, h)
		p.must(err)
		s, err := object.DecodeSnapshot(b)
		p.must(err)
		older = append(older, s.Parents...)
	}
	if again := p.root(append(older, heads...)); again.Root != r.Root {
		p.failf("with older snapshots: %v, want %v", p.flat(again.Root), final)
	}
	result := final.contents()
	for c, path := range p.written {
		// Two persons may each have dropped the one that the other left.
		if !p.dropped[c] && len(p.left[c]) < 2 && !result["file "+c] {
			p.failf("%s of %s is lost: nobody dropped it; %v", c, path, final)
		}
		if p.dropped[c] && !p.moved[c] && result["file "+c] {
			p.back++
		}
	}
	recorded := map[string]bool{}
	for _, c := range r.Conflicts {
		alive := false
		for _, q := range c.Copies {
			_, ok := final[q]
			alive = alive || ok
			recorded[q] = true
		}
		if !alive {
			p.failf("record without a copy: %+v", c)
		}
		for _, x := range c.Sides {
			if x.Snapshot.IsZero() != x.Device.IsZero() {
				p.failf("half of a side: %+v", x)
			}
		}
	}
	for q := range final {
		if isCopy(q) && !recorded[q] && !p.moved[final[q].Content.Inline] && p.written[final[q].Content.Inline] != q {
			p.failf("copy %s without a record: %v", q, final)
		}
	}
}

func copiesOf(r merge.Result) []string {
	var out []string
	for _, c := range r.Conflicts {
		out = append(out, c.Path+" "+strings.Join(c.Copies, " "))
	}
	return out
}

func TestDevices(t *testing.T) {
	if *devicesSeed >= 0 {
		p := playDevices(t, *devicesSeed)
		p.quiet()
		t.Logf("%d came back; %v", p.back, p.flat(p.root(p.devs[0].heads).Root))
		return
	}
	back, snapshots := 0, 0
	for seed := range int64(*devicesN) {
		p := playDevices(t, seed)
		p.quiet()
		back += min(p.back, 1)
		snapshots += p.count
	}
	t.Logf("%d histories, %d snapshots; in %d a dropped content came back", *devicesN, snapshots, back)
	// Rule 9 leaves few such histories; without it they are many times more.
	if back*100 > *devicesN {
		t.Errorf("a dropped content came back in %d of %d histories", back, *devicesN)
	}
}
