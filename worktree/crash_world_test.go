package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// crashWorld is one device with a mapped directory in memory. Another device's
// snapshots arrive, are applied in place as node does it, and the disk crashes
// with the loss of all that was not synced.
type crashWorld struct {
	t    *testing.T
	ctx  context.Context
	r    *rand.Rand
	disk *vfs.Mem
	fs   *vfs.Fail // what bsv works on
	s    memStore  // of objects: durable before any step of an apply
	g    crashGiven
	next *int // number of the next content

	plain bool // a file system without exchange

	mu    sync.Mutex
	calls int
	call  func(n int, op, path string) // before each call of bsv
	fault func(point string)
	texts map[string]bool   // every content that was ever whole
	saved map[string]string // what a person wrote since the first snapshot, by path
	moved map[string]bool   // paths that a person deleted or wrote
}

// crashGiven is what state.db holds.
type crashGiven struct {
	a, snaps []object.ID
	mat      object.ID
	applying bool
	rows     memRows
}

func (g crashGiven) clone() crashGiven {
	g.a, g.snaps, g.rows = slices.Clone(g.a), slices.Clone(g.snaps), maps.Clone(g.rows)
	return g
}

const crashDir = "home/docs"

// newCrashWorld is the same world for the same seed: one worker, and temporary
// names by the seed.
func newCrashWorld(t *testing.T, seed uint64) *crashWorld {
	cryptotest.SetGlobalRandom(t, seed)
	w := &crashWorld{t: t, ctx: context.Background(), r: rand.New(rand.NewPCG(seed, 7)), disk: vfs.NewMem(), s: newMemStore(), next: new(int),
		texts: map[string]bool{}, saved: map[string]string{}, moved: map[string]bool{}}
	w.g.rows = memRows{}
	w.g.mat = w.empty()
	w.wire()
	w.must(w.disk.MkdirAll(crashDir, 0o755))
	w.must(w.mapping().SetMarker(func(object.DeviceID) bool { return true }))
	w.disk.Persist(crashDir + "/" + markerName)
	return w
}

func (w *crashWorld) wire() {
	w.fs = &vfs.Fail{FS: w.disk, Before: func(op, path string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls++
		if w.call != nil {
			w.call(w.calls, op, path)
		}
		if w.plain && op == "exchange" {
			return &fs.PathError{Op: op, Path: path, Err: errors.ErrUnsupported}
		}
		return nil
	}}
}

func (w *crashWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *crashWorld) mapping() Mapping {
	return Mapping{Path: "/docs", Dir: crashDir, Device: object.DeviceID{1}, FS: w.fs}
}

func (w *crashWorld) env() merge.Env { return merge.Env{Get: w.s, Hash: w.s.Hasher()} }

// crash is the world after a crash at this moment.
func (w *crashWorld) crash(seed uint64) *crashWorld {
	c := &crashWorld{t: w.t, ctx: w.ctx, r: rand.New(rand.NewPCG(seed, 9)), s: w.s, g: w.g.clone(), next: w.next, plain: w.plain,
		texts: maps.Clone(w.texts), saved: maps.Clone(w.saved), moved: maps.Clone(w.moved)}
	c.disk = w.disk.CrashClone(c.r)
	c.disk.DropSyncs = w.disk.DropSyncs
	c.wire()
	return c
}

func (w *crashWorld) heads() []object.ID {
	h, err := merge.Heads(w.ctx, w.env(), w.g.snaps)
	w.must(err)
	return h
}

func (w *crashWorld) state(heads []object.ID) object.ID {
	r, err := merge.State(w.ctx, w.env(), heads)
	w.must(err)
	w.keep(r.New)
	return r.Root
}

func (w *crashWorld) keep(objs []merge.Object) {
	for _, o := range objs {
		_, err := w.s.Put(w.ctx, o.Kind, o.Plain)
		w.must(err)
	}
}

func (w *crashWorld) empty() object.ID {
	_, b := object.EmptyTree(w.s.Hasher())
	id, err := w.s.Put(w.ctx, object.KindTree, b)
	w.must(err)
	return id
}

func (w *crashWorld) docs(root object.ID) object.ID {
	e, ok, err := object.LookupPath(w.ctx, w.s, root, "/docs")
	w.must(err)
	if !ok || e.Kind != object.Dir {
		return w.empty()
	}
	return e.Tree
}

func (w *crashWorld) write(device byte, root object.ID, parents []object.ID, base object.ID, conflicts []object.Conflict) {
	s := object.Snapshot{Root: root, Parents: slices.Clone(parents), MergeVersion: 1, Device: object.DeviceID{device}, Time: int64(len(w.g.snaps) + 1), Conflicts: conflicts}
	slices.SortFunc(s.Parents, func(a, b object.ID) int { return strings.Compare(string(a[:]), string(b[:])) })
	if len(parents) > 0 {
		s.Base = base
	}
	b, err := object.EncodeSnapshot(s)
	w.must(err)
	id, err := w.s.Put(w.ctx, object.KindSnapshot, b)
	w.must(err)
	w.g.snaps = append(w.g.snaps, id)
	if device == 1 {
		w.g.a = []object.ID{id}
	}
}

// snapshot scans and decides as node does it; it reports whether a snapshot
// was written.
func (w *crashWorld) snapshot() (bool, []Problem, error) {
	r, err := Scan(w.ctx, ScanOptions{Mapping: w.mapping(), Base: w.g.mat, Store: w.s, Memory: w.g.rows, Fault: w.faults(), Workers: 1})
	if err != nil {
		return false, nil, err
	}
	h := w.heads()
	d, err := Decide(w.ctx, Situation{Env: w.env(), A: w.g.a, H: h, Mapped: []Mapped{{"/docs", w.g.mat, r.Tree}}})
	if err != nil {
		return false, nil, err
	}
	if d.Kind != Nothing {
		if err := Sync(w.mapping(), r); err != nil {
			return false, nil, err
		}
		w.g.mat = r.Tree
	}
	switch d.Kind {
	case Adopt:
		w.g.a = h
	case Write:
		w.keep(d.New)
		if *crashSeed >= 0 {
			for c, err := range object.Diff(w.ctx, w.s, w.state(h), d.Tree) {
				w.must(err)
				fmt.Printf("  snapshot: %s state %+v here %+v\n", c.Path, c.A, c.B)
			}
		}
		w.write(1, d.Tree, w.g.a, d.Base, d.Conflicts)
	}
	for dir, b := range r.Rows {
		w.g.rows["/docs\x00"+dir] = b
	}
	return d.Kind == Write, r.Problems, nil
}

func (w *crashWorld) faults() *fault.Injector {
	return fault.Trace(func(point string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.fault != nil {
			w.fault(point)
		}
	})
}

// apply gives the disk the state as node does it.
func (w *crashWorld) apply() (problems []Problem, wrote bool, err error) {
	for range 20 {
		h := w.heads()
		have, want := w.g.mat, w.docs(w.state(h))
		w.g.a = h
		if have == want {
			return problems, wrote, nil
		}
		w.g.applying = true
		mat := have
		res, err := Apply(w.ctx, ApplyOptions{Mapping: w.mapping(), Steps: Plan(w.ctx, w.s, have, want), Content: w.s, Store: w.s, Memory: w.g.rows, Fault: w.faults(), Workers: 1,
			Checkpoint: func(done []Step) error {
				next, err := Advance(w.ctx, w.s.Hasher(), w.s, w.s, mat, done)
				w.g.mat = next
				return err
			}})
		problems = append(problems, res.Problems...)
		if res.Left {
			if _, rerr := Recover(w.ctx, w.mapping(), w.s, []object.ID{have, want}); rerr != nil {
				return problems, wrote, rerr
			}
		}
		if err == nil {
			w.g.mat, err = Without(w.ctx, w.s.Hasher(), w.s, w.s, want, res.Undone)
			w.g.applying = false
			return problems, wrote, err
		}
		if !errors.Is(err, ErrReplan) {
			return problems, wrote, err
		}
		again, _, err := w.snapshot()
		if wrote = wrote || again; err != nil {
			return problems, wrote, err
		}
	}
	return problems, wrote, errors.New("the apply gave way 20 times")
}

// start does what a node does after a crash, up to the end of an apply.
func (w *crashWorld) start() (wrote bool, err error) {
	if w.g.applying {
		if _, err := Recover(w.ctx, w.mapping(), w.s, []object.ID{w.g.mat, w.docs(w.state(w.g.a))}); err != nil {
			return false, fmt.Errorf("recover: %w", err)
		}
		w.g.applying = false
	}
	wrote, _, err = w.snapshot()
	if err != nil {
		return wrote, fmt.Errorf("snapshot: %w", err)
	}
	problems, again, err := w.apply()
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("problems %v", problems)
	}
	return wrote || again, err
}

func (w *crashWorld) text(kind string) string {
	*w.next++
	t := fmt.Sprintf("%s %d", kind, *w.next)
	if w.r.IntN(3) == 0 {
		t += strings.Repeat(" l", 100)
	}
	w.texts[t] = true
	return t
}

// save is a person's program writing a file: the disk keeps it. Some programs
// replace the file, others write into it.
func (w *crashWorld) save(name string) {
	w.saveText(name, w.text("mine"))
}

func (w *crashWorld) saveText(name, text string) {
	full := path.Join(crashDir, name)
	w.must(w.disk.MkdirAll(path.Dir(full), 0o755))
	st, err := w.disk.Stat(full)
	to := full
	if err == nil && st.Dir {
		return
	}
	if w.r.IntN(2) == 0 {
		to = path.Join("home", "temp")
	}
	f, err := w.disk.Create(to, 0o644)
	if err != nil {
		return // a link stands there
	}
	_, err = f.Write([]byte(text))
	w.must(err)
	if to != full {
		w.must(w.disk.Rename(to, full))
	}
	w.disk.Persist(full)
	w.saved[name], w.moved[name] = text, true
}

// files are the contents of a tree by path, directories with a slash.
func (w *crashWorld) files(tree object.ID) map[string]string {
	out := map[string]string{}
	for e, err := range object.Walk(w.ctx, w.s, tree) {
		w.must(err)
		p := strings.TrimPrefix(e.Path, "/")
		switch e.Entry.Kind {
		case object.Dir:
			out[p+"/"] = fmt.Sprintf("mode %o", e.Entry.Mode)
		case object.Symlink:
			out[p] = "-> " + e.Entry.Target
		default:
			text := ""
			for b, err := range w.s.Stream(w.ctx, e.Entry.Content, 0) {
				w.must(err)
				text += string(b)
			}
			out[p] = text
		}
	}
	return out
}

// onDisk is the same of what stands on disk, bsv's own names left out.
func (w *crashWorld) onDisk() map[string]string {
	out := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		list, err := w.disk.ReadDir(path.Join(crashDir, dir))
		w.must(err)
		for _, i := range list {
			p := path.Join(dir, i.Name)
			switch {
			case reserved(i.Name):
			case i.Dir:
				out[p+"/"] = ""
				walk(p)
			default:
				b, err := vfs.ReadFile(w.disk, path.Join(crashDir, p), 1<<20)
				if err != nil {
					b = []byte("->")
				}
				out[p] = string(b)
			}
		}
	}
	walk("")
	return out
}
