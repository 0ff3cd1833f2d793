package worktree

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bsvsync/bsv/object"
)

// watching is a mapped directory with Watch running on it.
type watching struct {
	*testing.T
	m      Mapping
	out    chan Dirty
	before func() // in the goroutine of Watch, when it begins; may be nil
	ready  func() // there, when all is watched; may be nil
}

func newWatching(t *testing.T, dirs ...string) *watching {
	w := mapped(t, dirs...)
	w.start(func(err error) { t.Error("limited:", err) })
	return w
}

// mapped is what newWatching is about, not watched yet.
func mapped(t *testing.T, dirs ...string) *watching {
	w := &watching{T: t, m: Mapping{Path: "/docs", Dir: filepath.Join(t.TempDir(), "docs"), Device: object.DeviceID{1}}}
	w.mkdir("", "barrier")
	w.mkdir(dirs...)
	w.mark()
	return w
}

func (w *watching) start(limited func(error)) {
	ctx, cancel := context.WithCancel(w.Context())
	out, ended, ready := make(chan Dirty), make(chan error, 1), make(chan struct{}, 1)
	w.out = out
	o := WatchOptions{Mapping: w.m, Quiet: 5 * time.Millisecond, Most: 50 * time.Millisecond, Look: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Ready: func() { ready <- struct{}{} }, Limited: limited}
	if w.ready != nil {
		o.Ready = func() { w.ready(); ready <- struct{}{} }
	}
	go func() {
		if w.before != nil {
			w.before()
		}
		ended <- Watch(ctx, o, out)
	}()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
	<-ready
}

func (w *watching) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *watching) path(rel string) string { return filepath.Join(w.m.Dir, rel) }

func (w *watching) mark() { w.must(w.m.SetMarker(func(object.DeviceID) bool { return true })) }

func (w *watching) mkdir(dirs ...string) {
	w.Helper()
	for _, d := range dirs {
		w.must(os.MkdirAll(w.path(d), 0o755))
	}
}

func (w *watching) write(rel string) {
	w.Helper()
	w.must(os.WriteFile(w.path(rel), []byte("x"), 0o644))
}

func (w *watching) rename(from, to string) {
	w.Helper()
	w.must(syscall.Rename(w.path(from), w.path(to))) // also over an empty directory
}

// until waits for a burst that fits.
func (w *watching) until(what string, fits func(Dirty) bool) {
	w.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case d := <-w.out:
			if fits(d) {
				return
			}
		case <-limit:
			w.Fatalf("%s is not seen", what)
		}
	}
}

// dirty waits until a directory itself is named.
func (w *watching) dirty(rel string) {
	w.Helper()
	w.until(fmt.Sprintf("a change in %q", rel), func(d Dirty) bool { return d.Dirs[rel] })
}

// settle waits until all that was done before is taken in.
func (w *watching) settle() {
	w.Helper()
	w.write("barrier/f")
	w.until("the barrier", func(d Dirty) bool { return d.Dirs == nil || d.Dirs["barrier"] })
}

// edits checks that changes below each of the directories are seen, also those
// in a directory that is made now.
func (w *watching) edits(dirs ...string) {
	w.Helper()
	w.settle()
	for _, d := range dirs {
		w.write(filepath.Join(d, "f"))
		w.dirty(d)
		w.mkdir(filepath.Join(d, "made/below"))
		w.dirty(filepath.Join(d, "made/below"))
		w.settle()
		w.write(filepath.Join(d, "made/below/f"))
		w.dirty(filepath.Join(d, "made/below"))
		w.must(os.RemoveAll(w.path(filepath.Join(d, "made"))))
	}
}

func TestWatchRenames(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *watching)
		then []string
	}{
		{"once", func(w *watching) { w.rename("a", "z") }, []string{"z", "z/b", "z/b/c"}},
		{"again", func(w *watching) {
			for i, n := range []string{"a", "z", "y", "x"} {
				if i > 0 {
					w.rename([]string{"a", "z", "y"}[i-1], n)
					w.settle()
				}
			}
		}, []string{"x", "x/b", "x/b/c"}},
		{"chain", func(w *watching) { w.rename("a", "z"); w.rename("z", "y"); w.rename("y", "x") }, []string{"x", "x/b"}},
		{"back", func(w *watching) { w.rename("a", "z"); w.rename("z", "a") }, []string{"a", "a/b"}},
		{"back later", func(w *watching) { w.rename("a", "z"); w.settle(); w.rename("z", "a") }, []string{"a", "a/b"}},
		{"into a new one", func(w *watching) { w.mkdir("new"); w.rename("a", "new/a") }, []string{"new", "new/a", "new/a/b/c"}},
		{"across", func(w *watching) { w.rename("a/b", "d/b") }, []string{"a", "d", "d/b", "d/b/c"}},
		{"over", func(w *watching) { w.mkdir("e"); w.settle(); w.rename("a", "e") }, []string{"e", "e/b", "e/b/c"}},
		{"in the place of", func(w *watching) { w.rename("a", "old"); w.rename("d", "a") }, []string{"a", "old", "old/b"}},
		{"swapped", func(w *watching) { w.rename("a", "t"); w.rename("d", "a"); w.rename("t", "d") }, []string{"a", "d", "d/b/c"}},
		{"a directory in its place", func(w *watching) { w.rename("a", "z"); w.mkdir("a/b") }, []string{"a", "a/b", "z", "z/b/c"}},
		{"out and in", func(w *watching) { w.rename("a", "../out"); w.settle(); w.rename("../out", "d/in") }, []string{"d/in", "d/in/b"}},
		{"out, and a new one", func(w *watching) { w.rename("a", "../out"); w.mkdir("a/b/c") }, []string{"a", "a/b", "a/b/c"}},
		{"removed and made", func(w *watching) { w.must(os.RemoveAll(w.path("a"))); w.mkdir("a/b/c") }, []string{"a", "a/b", "a/b/c"}},
		{"a file, then a directory", func(w *watching) {
			w.must(os.RemoveAll(w.path("a")))
			w.write("a")
			w.settle()
			w.must(os.Remove(w.path("a")))
			w.mkdir("a/b")
		}, []string{"a", "a/b"}},
		{"renamed and removed at once", func(w *watching) {
			for range 300 {
				w.mkdir("t/u")
				w.rename("t", "v")
				w.must(os.RemoveAll(w.path("v")))
			}
		}, []string{"a", "a/b/c"}},
		{"aside under bsv's own name", func(w *watching) {
			w.rename("a", swapPrefix+"1")
			w.settle()
			w.rename(swapPrefix+"1", "a")
		}, []string{"a", "a/b/c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWatching(t, "a/b/c", "d")
			c.do(w)
			w.edits(c.then...)
		})
	}
}

// What a directory holds that is moved in counts as changed.
func TestWatchMovedIn(t *testing.T) {
	w := newWatching(t)
	w.mkdir("../new/b/c")
	w.rename("../new", "a")
	var seen []string
	w.until("the new directories", func(d Dirty) bool {
		seen = slices.AppendSeq(seen, maps.Keys(d.Dirs))
		return !slices.ContainsFunc([]string{"", "a", "a/b", "a/b/c"}, func(r string) bool { return !slices.Contains(seen, r) })
	})
}

// The directory itself is renamed and a copy takes its place.
func TestWatchReplacedRoot(t *testing.T) {
	w := newWatching(t, "a/b")
	for range 2 {
		w.must(os.Rename(w.m.Dir, w.m.Dir+".bak"))
		w.must(os.CopyFS(w.m.Dir, os.DirFS(w.m.Dir+".bak")))
		w.until("the new root", func(d Dirty) bool { return d.Dirs == nil })
		w.again()
		w.edits("a", "a/b")
		w.must(os.RemoveAll(w.m.Dir + ".bak"))
	}
}

// again waits until the root is watched, whatever it still was about to say.
func (w *watching) again() {
	w.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); {
		w.write("barrier/f")
		select {
		case d := <-w.out:
			if d.Dirs["barrier"] {
				return
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	w.Fatal("the root is not watched again")
}

// A root without its marker is a disk that is away, and comes back.
func TestWatchMarker(t *testing.T) {
	w := newWatching(t, "a")
	w.must(os.Remove(w.path(markerName)))
	w.until("that the disk is away", func(d Dirty) bool { return d.Dirs == nil })
	w.mkdir("a/later")
	w.mark()
	w.until("that the disk is back", func(d Dirty) bool { return d.Dirs == nil })
	w.edits("a", "a/later")
}

// Whatever is done to directories, in the end all of them are watched.
func TestWatchStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for round := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed+round), func(t *testing.T) {
			t.Parallel()
			w := newWatching(t, "s")
			r := rand.New(rand.NewPCG(seed+round, 0))
			drained, stop := make(chan struct{}), make(chan struct{})
			go func() { // the storm's bursts
				defer close(drained)
				for {
					select {
					case <-w.out:
					case <-stop:
						return
					}
				}
			}()
			name := func() string {
				p := "s"
				for range 1 + r.IntN(3) {
					p += "/" + string(rune('a'+r.IntN(4)))
				}
				return w.path(p)
			}
			for range 600 { // most fail: what counts is what is left
				switch a, b := name(), name(); r.IntN(8) {
				case 0:
					_ = os.RemoveAll(a)
				case 1, 2:
					_ = os.MkdirAll(a, 0o755)
				case 3:
					_ = os.Rename(a, w.path("../out"))
				case 4:
					_ = os.Rename(w.path("../out"), a)
				case 5:
					time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
				default:
					_ = os.Rename(a, b)
				}
			}
			close(stop)
			<-drained
			w.settle()
			w.must(filepath.WalkDir(w.m.Dir, func(p string, d os.DirEntry, err error) error {
				if err != nil || !d.IsDir() {
					return err
				}
				rel := strings.Trim(strings.TrimPrefix(p, w.m.Dir), "/")
				w.write(filepath.Join(rel, "probe"))
				w.dirty(filepath.ToSlash(rel))
				return nil
			}))
		})
	}
}
