package worktree

import (
	"errors"
	"flag"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/object"
)

var (
	crashN    = flag.Int("crash.n", 60, "applies to crash")
	crashSeed = flag.Int64("crash.seed", -1, "replay one apply")
)

// begin puts some files on disk, stores them, and lets another device change
// most of them.
func (w *crashWorld) begin() {
	names := []string{"a", "b", "c.txt", "d/a", "d/b", "d/e/f", "g/h", "g/i", "k/l/m", "z"}
	for _, n := range names {
		if w.r.IntN(5) > 0 {
			w.save(n)
		}
	}
	d, err := w.disk.OpenDir(crashDir)
	w.must(err)
	w.must(errors.Join(d.Symlink("a", "link"), d.Symlink("nowhere", "link2"), d.Mkdir("empty", 0o755)))
	if w.r.IntN(2) == 0 {
		_ = d.Chmod("g", 0o555)
	}
	w.must(d.SyncAll())
	_, _, err = w.snapshot()
	w.must(err)
	w.saved, w.moved = map[string]string{}, map[string]bool{}
	w.remote()
}

// remote is a snapshot of another device on top of all that is known.
func (w *crashWorld) remote() {
	h := w.heads()
	base := w.state(h)
	root := base
	set := func(p string, e *object.Entry) {
		var err error
		root, err = object.SetPath(w.ctx, w.s.Hasher(), w.s, w.s, root, "/docs/"+p, e)
		w.must(err)
	}
	file := func() *object.Entry {
		text := w.text("theirs")
		c, n, err := w.s.WriteFile(w.ctx, strings.NewReader(text), int64(len(text)))
		w.must(err)
		modes := []uint16{0o644, 0o755, 0o400, 0o600}
		return &object.Entry{Kind: object.File, Content: c, Size: n, Mode: modes[w.r.IntN(len(modes))], MTime: int64(1 + w.r.IntN(1<<40))}
	}
	paths := []string{"new", "a/x", "d/new", "n/e/w"}
	for p := range w.files(w.docs(base)) {
		paths = append(paths, strings.TrimSuffix(p, "/"))
	}
	sort.Strings(paths)
	for _, p := range paths {
		e, ok, err := object.LookupPath(w.ctx, w.s, root, "/docs/"+p)
		w.must(err)
		switch k := w.r.IntN(10); {
		case k < 4:
			if !ok || e.Kind != object.Dir || k == 0 {
				set(p, file())
			}
		case k < 6:
			set(p, nil)
		case k == 6:
			set(p, &object.Entry{Kind: object.Symlink, Target: w.text("to"), MTime: 5})
		case k == 7 && ok:
			modes := []uint16{0o755, 0o700, 0o555, 0o600}
			if e.Kind == object.Dir {
				modes = []uint16{0o755, 0o700, 0o555}
			}
			if e.Kind != object.Symlink {
				e.Mode = modes[w.r.IntN(len(modes))]
				set(p, &e)
			}
		case k == 8:
			set(p+"/in", file()) // a file becomes a directory
		}
	}
	w.write(2, root, h, base, nil)
}

// person does something to the mapped directory.
func (w *crashWorld) person() {
	names := []string{"a", "b", "d/a", "g/h", "fresh", "k/l/m", "d/own"}
	n := names[w.r.IntN(len(names))]
	full := path.Join(crashDir, n)
	if st, err := w.disk.Stat(full); err == nil && !st.Dir && w.r.IntN(4) == 0 {
		w.must(w.disk.Remove(full))
		w.disk.Persist(full)
		w.moved[n] = true
		delete(w.saved, n)
		return
	}
	for dir := path.Dir(n); dir != "."; dir = path.Dir(dir) {
		if st, err := w.disk.Stat(path.Join(crashDir, dir)); err == nil && !st.Dir {
			return
		}
	}
	w.save(n)
}

// whole checks a disk right after a crash: every file is one of the known
// versions.
func (w *crashWorld) whole() error {
	for p, text := range w.onDisk() {
		if !strings.HasSuffix(p, "/") && text != "->" && !w.texts[text] && !strings.HasPrefix(text, "to ") && text != "a" && text != "nowhere" {
			return fmt.Errorf("after the crash %s holds %.30q, which is no version of anything", p, text)
		}
	}
	return nil
}

// settled checks the end: the disk holds the state, all that a person wrote is
// in it, and nothing that was wanted is gone.
func (w *crashWorld) settled(wanted map[string]string, wrote bool) error {
	root := w.docs(w.state(w.heads()))
	final, disk := w.files(root), w.onDisk()
	for p := range final {
		if _, ok := disk[p]; !ok {
			return fmt.Errorf("%s is in the state and not on disk", p)
		}
	}
	for p, text := range disk {
		if want, ok := final[p]; !ok || text != "" && text != "->" && want != text && !strings.HasPrefix(want, "->") {
			return fmt.Errorf("on disk %s holds %.30q, in the state %.30q (%v)", p, text, want, ok)
		}
	}
	if again, bad, err := w.snapshot(); err != nil || again || len(bad) > 0 || w.g.mat != root {
		return fmt.Errorf("the disk holds %v, the state says %v (%v %v %v)", w.files(w.g.mat), final, again, bad, err)
	}
	for p, text := range w.saved {
		found := false
		for _, t := range final {
			found = found || t == text
		}
		if !found {
			return fmt.Errorf("%q, which a person wrote to %s, is gone", text, p)
		}
	}
	for p, text := range wanted {
		touched := w.moved[p]
		for q := range w.moved {
			touched = touched || strings.HasPrefix(q+"/", strings.TrimSuffix(p, "/")+"/") || strings.HasPrefix(p, q+"/")
		}
		if !touched && final[p] != text {
			return fmt.Errorf("%s was wanted as %.30q and is %.30q", p, text, final[p])
		}
	}
	if len(w.moved) == 0 {
		if wrote {
			return errors.New("a snapshot was written though nobody changed anything")
		}
		if len(final) != len(wanted) {
			return fmt.Errorf("the state is %v, wanted was %v", final, wanted)
		}
	}
	return nil
}

// crashOne plays one apply; crashes happen at some of its calls and at all its
// named points, and each is recovered from. points counts the latter.
func crashOne(t *testing.T, seed uint64, drop bool, points map[string]int) error {
	w := newCrashWorld(t, seed)
	w.disk.Journal = true
	w.begin()
	w.plain = w.r.IntN(4) == 0
	wanted := w.files(w.docs(w.state(w.heads())))
	meddle := w.r.IntN(3) == 0
	if !meddle && !w.plain && w.r.IntN(2) == 0 {
		w.disk.Journal = false
	}
	type crashed struct {
		at string
		w  *crashWorld
	}
	var crashes []crashed
	take := func(at string) {
		crashes = append(crashes, crashed{at, w.crash(seed<<8 + uint64(len(crashes)))})
	}
	w.disk.DropSyncs = drop
	hits := map[string]int{}
	w.fault = func(point string) {
		if hits[point]++; hits[point] <= 2 {
			points[point]++
			take(point)
		}
	}
	w.call = func(n int, op, path string) {
		if meddle && w.r.IntN(40) == 0 {
			w.person()
		}
		if w.r.IntN(30) == 0 {
			take(fmt.Sprintf("call %d, %s %s", n, op, path))
		}
	}
	w.calls = 0
	wrote, err := w.start()
	w.call, w.fault = nil, nil
	if err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	w.disk.DropSyncs = false
	if meddle {
		_, err = w.start()
	}
	if err == nil {
		err = w.settled(wanted, wrote)
	}
	if err != nil {
		return fmt.Errorf("seed %d, no crash: %w", seed, err)
	}
	for _, c := range crashes {
		if err := c.w.whole(); err != nil {
			return fmt.Errorf("seed %d, crash at %s: %w", seed, c.at, err)
		}
		if c.w.r.IntN(3) == 0 { // another crash while the first is recovered from
			n := 1 + c.w.r.IntN(60)
			var second *crashWorld
			c.w.call = func(k int, _, _ string) {
				if k == n {
					second = c.w.crash(seed<<8 + 255)
				}
			}
			_, _ = c.w.start()
			if c.w.call = nil; second != nil {
				c.w = second
				c.at += fmt.Sprintf(" and at call %d", n)
			}
		}
		c.w.disk.DropSyncs = false
		wrote, err := c.w.start()
		if err == nil {
			err = c.w.settled(wanted, wrote)
		}
		if err != nil {
			return fmt.Errorf("seed %d, crash at %s: %w", seed, c.at, err)
		}
	}
	return nil
}

// An apply in place that crashes anywhere loses nothing that a person wrote,
// leaves no mixture, and is made good by the next one.
func TestCrashedApplyIsRecovered(t *testing.T) {
	points := map[string]int{}
	if *crashSeed >= 0 {
		if err := crashOne(t, uint64(*crashSeed), false, points); err != nil {
			t.Fatal(err)
		}
		return
	}
	bad := 0
	for seed := range *crashN {
		if err := crashOne(t, uint64(seed), false, points); err != nil {
			t.Errorf("-crash.seed=%v", err)
			if bad++; bad > 5 {
				break
			}
		}
	}
	want := []string{"apply.filling", "apply.written", "apply.placed", "apply.swap", "apply.exchanged", "apply.removed", "apply.aside", "apply.deleted", "apply.mkdir", "apply.rmdir",
		"apply.meta", "apply.setdir", "apply.loosened", "apply.done", "apply.synced", "apply.checkpoint", "scan.dir", "scan.file"}
	n := 0
	for p, k := range points {
		if n += k; !slices.Contains(want, p) {
			t.Errorf("the point %s is in no list", p)
		}
	}
	for _, p := range want {
		if points[p] == 0 {
			t.Errorf("no apply crashed at %s", p)
		}
	}
	fmt.Printf("%d applies, %d crashes at named points\n", *crashN, n)
}

// The control: without syncs the same applies go wrong.
func TestCrashedApplyControl(t *testing.T) {
	for seed := range 60 {
		if err := crashOne(t, uint64(seed), true, map[string]int{}); err != nil {
			return
		}
	}
	t.Fatal("syncs were dropped and nothing went wrong: the test cannot fail")
}

// Whatever call of an apply fails, once or from then on: what a person wrote
// stays, the apply says so, and the next one makes it good.
func TestApplyFailsAtEachCall(t *testing.T) {
	for seed := range uint64(2) {
		for n := int64(1); ; n++ {
			done := false
			for _, once := range []bool{true, false} {
				w := newCrashWorld(t, seed)
				w.begin()
				w.plain = seed%2 == 1
				w.save("b") // after the snapshot that the other device built on
				wanted := w.files(w.docs(w.state(w.heads())))
				w.fs.N, w.fs.Err, w.fs.Once = w.fs.Calls()+n, syscall.EIO, once
				at, begun := "", w.calls
				w.call = func(k int, op, path string) {
					if k == begun+int(n) {
						at = op + " " + path
					}
				}
				problems, _, err := w.apply()
				failed := w.fs.Calls() >= w.fs.N
				done = done || !failed
				w.fs.N, w.call = 0, nil
				have := w.docs(w.state(w.heads()))
				if disk := w.onDisk(); err == nil && len(problems) == 0 && w.g.mat == have {
					for p, text := range wanted { // it says that all was done
						if got, ok := disk[p]; !w.moved[p] && (!ok || got != "" && got != "->" && got != text) {
							t.Fatalf("seed %d, call %d (%s) once %v: no error, no problem, and %s is %.30q", seed, n, at, once, p, got)
						}
					}
				}
				if err := w.whole(); err != nil {
					t.Fatalf("seed %d, call %d (%s) once %v: %v", seed, n, at, once, err)
				}
				if _, err := w.start(); err != nil {
					t.Fatalf("seed %d, call %d (%s) once %v: the next apply: %v", seed, n, at, once, err)
				}
				if err := w.settled(wanted, false); err != nil {
					t.Fatalf("seed %d, call %d (%s) once %v: %v", seed, n, at, once, err)
				}
			}
			if done {
				break
			}
		}
	}
}

// A person may save, replace or delete a file before any call of an apply:
// what was written stays, also where the file system knows no exchange.
func TestPersonMeddlesAtEachCall(t *testing.T) {
	for seed := range uint64(5) {
		for n := 1; ; n++ {
			w := newCrashWorld(t, seed)
			w.begin()
			w.plain = seed%2 == 1
			wanted := w.files(w.docs(w.state(w.heads())))
			w.calls = 0
			w.call = func(k int, _, _ string) {
				if k == n {
					w.saveText("a", w.text("mine"))
					w.saveText("d/a", w.text("mine"))
				}
				if k == n+1 || k == n+4 {
					w.saveText("a", w.text("mine"))
				}
			}
			_, _, err := w.apply()
			last := w.calls < n
			w.call = nil
			if err == nil {
				_, err = w.start()
			}
			if err == nil {
				err = w.settled(wanted, false)
			}
			if err != nil {
				t.Fatalf("seed %d, call %d: %v", seed, n, err)
			}
			if last {
				break
			}
		}
	}
}
