package worktree

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// What is excluded here is neither written, deleted nor counted, however deep
// below an excluded directory, and keeps its place in the tree.
func TestExcludedIsLeftAlone(t *testing.T) {
	g := newMemGround(t)
	for _, n := range []string{"a", "build/x", "build/d/y", "b.tmp", "d/c.tmp"} {
		g.write(n, "old")
	}
	have := g.scan(object.ID{}).Tree
	g.m.Exclude = []string{"build/", "*.tmp"}
	want := g.tree("a=new", "build/x=new", "build/new/z=new", "d/new.tmp=new")
	if c := g.count(have, want); c.Deleted != 0 {
		t.Errorf("%+v: what stays is counted as deleted", c)
	}
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "")
	g.expect("disk", g.names("")+" "+g.names("build")+" "+g.names("build/d")+" "+g.names("d"), "a b.tmp build d d x y c.tmp")
	g.expect("a", g.read("a")+g.read("build/x"), "newold")
	g.expect("next scan", g.lines(g.scan(g.without(want, r)).Tree), g.lines(want))
	r = g.apply(want, g.tree("a=new")) // all of it goes elsewhere
	g.expect("disk", g.names("build")+" "+g.names("d"), "d x c.tmp")
	g.expect("next scan", g.lines(g.scan(g.without(g.tree("a=new"), r)).Tree), "a=new")
}

// An ignored file that stands where another device has one is no reason to
// give up the rest, and is not touched.
func TestIgnoredIsLeftAlone(t *testing.T) {
	g := newMemGround(t)
	g.write(".bsvignore", "*.o\nout\n")
	g.write("x.o", "mine")
	g.write("out", "mine")
	g.write("z", "old")
	have := g.scan(object.ID{}).Tree
	want := g.tree(".bsvignore=*.o\nout\n", "x.o=theirs", "out/deep/a=theirs", "z=new", "y.o=new")
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "")
	g.expect("disk", g.read("x.o")+g.read("out")+g.read("z"), "mineminenew")
	mat := g.without(want, r)
	g.expect("materialised", g.lines(mat), ".bsvignore=*.o\nout\n y.o=new z=new")
}

// New rules hold before the deletions that come with them.
func TestRulesArriveWithDeletions(t *testing.T) {
	g := newMemGround(t)
	for _, n := range []string{"!first.o", "a.o", "d/b.o", "d/c", "e/f"} {
		g.write(n, "mine")
	}
	have := g.scan(object.ID{}).Tree
	want := g.tree(".bsvignore=*.o\n/e\n", "d/c=mine")
	if c := g.count(have, want); c.Deleted != 0 || c.Created != 1 {
		t.Errorf("%+v: what is ignored is counted as deleted", c)
	}
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "")
	g.expect("disk", g.names("")+" "+g.names("d")+" "+g.names("e"), "!first.o .bsvignore a.o d e b.o c f")
	g.expect("next scan", g.lines(g.scan(g.without(want, r)).Tree), g.lines(want))
	// The rules go, and a file that they named goes with them elsewhere.
	g.write("g.o", "mine")
	have, want = want, g.tree("d/c=mine")
	g.apply(have, want)
	g.expect("disk", g.names(""), "!first.o a.o d e g.o")
}

// A directory with ignored files inside that was deleted elsewhere stays and
// is no news; one that was replaced by a file is a problem, and neither reads
// as a deletion of what was in it.
func TestDirectoryWithIgnoredFiles(t *testing.T) {
	for _, goes := range []string{"", "d=a file"} {
		g := newMemGround(t)
		g.write(".bsvignore", "*.o\n")
		g.write("d/x", "x")
		g.write("d/keep.o", "mine")
		g.write("z", "old")
		have := g.scan(object.ID{}).Tree
		lines := []string{".bsvignore=*.o\n", "z=new"}
		if goes != "" {
			lines = append(lines, goes)
		}
		want := g.tree(lines...)
		r := g.apply(have, want)
		if goes == "" {
			g.expect("problems", problemPaths(r.Problems), "")
		} else {
			g.expect("problems", problemPaths(r.Problems), "/docs/d ("+errKept.Error()+")")
		}
		g.expect("disk", g.names("d")+" "+g.read("z"), "keep.o new")
		mat := g.without(want, r)
		g.expect("next scan", g.lines(g.scan(mat).Tree), g.lines(mat))
		g.must(g.disk.Remove("docs/d/keep.o"))
		if goes != "" {
			g.must(g.disk.Remove("docs/d"))
			g.expect("problems", problemPaths(g.apply(mat, want).Problems), "")
			g.expect("d", g.read("d"), "a file")
		}
	}
}

// A new directory that holds nothing but ignored files is not news, one that
// is empty is.
func TestBareDirectories(t *testing.T) {
	g := newMemGround(t)
	g.write(".bsvignore", "*.o\n")
	g.write("d/e/x.o", "")
	g.must(g.disk.MkdirAll("docs/empty", 0o755))
	first := g.scan(object.ID{}).Tree
	g.expect("scan", g.lines(first), ".bsvignore=*.o\n empty/")
	g.write("d/e/a", "a")
	second := g.scan(first).Tree
	g.expect("scan", g.lines(second), ".bsvignore=*.o\n d/ d/e/ d/e/a=a empty/")
	g.must(g.disk.Remove("docs/d/e/a"))
	g.expect("a known directory stays", g.lines(g.scan(second).Tree), ".bsvignore=*.o\n d/ d/e/ empty/")
}

// A file, a directory or a pipe in the place of another kind.
func TestOtherKindStands(t *testing.T) {
	g := newMemGround(t)
	g.write("a", "old")
	g.write("d/x", "old")
	g.write("z", "old")
	have := g.scan(object.ID{}).Tree
	g.must(g.disk.Remove("docs/a"))
	g.must(g.disk.Mkfifo("docs/a"))
	g.must(g.disk.Remove("docs/d/x"))
	g.must(g.disk.Remove("docs/d"))
	g.must(g.disk.Mkfifo("docs/d"))
	want := g.tree("a=new", "d/x=new", "z=new")
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "/docs/d/x ("+errSpecial.Error()+") /docs/a ("+errSpecial.Error()+") /docs/d ("+errSpecial.Error()+")")
	g.expect("the rest", g.read("z"), "new")
	s := g.scan(have)
	if len(s.Notices) != 2 || g.lines(s.Tree) != "z=new" {
		t.Errorf("%+v %s", s.Notices, g.lines(s.Tree))
	}
	g.expect("materialised", g.lines(g.without(want, r)), "a=old d/ d/x=old z=new")
}

// A file that grows as fast as it is read is a problem and no endless read.
func TestGrowingFile(t *testing.T) {
	g := newMemGround(t)
	g.write("log", "begin")
	g.write("z", "z")
	f, err := g.disk.Create("docs/log", 0o644)
	g.must(err)
	reads := 0
	g.fs.Before = func(op, path string) error {
		if op == "read" && strings.HasSuffix(path, "log") {
			if reads++; reads > 1000 {
				return errors.New("read for ever")
			}
			_, err := f.Write([]byte("more and more"))
			return err
		}
		return nil
	}
	base := g.tree("log=known")
	s := g.scan(base)
	g.expect("problems", problemPaths(s.Problems), "/docs/log ("+errChanged.Error()+")")
	g.expect("tree", g.lines(s.Tree), "log=known z=z")
	if reads > 20 {
		t.Errorf("%d reads", reads)
	}
}

// Unreadable is never deleted: the entry keeps its last known version.
func TestUnreadable(t *testing.T) {
	g := newMemGround(t)
	for _, n := range []string{"a", "d/x", "e/.bsvignore", "e/y", "z"} {
		g.write(n, "secret")
	}
	base := g.scan(object.ID{}).Tree
	g.write("e/secret", "is ignored")
	g.write("z", "new")
	for n, mode := range map[string]uint16{"a": 0, "d": 0, "e/.bsvignore": 0} {
		g.chmod(n, mode)
	}
	s := g.scan(base)
	g.expect("problems", problemPaths(s.Problems), "/docs/a (permission denied) /docs/d (permission denied) /docs/e (permission denied)")
	g.expect("tree", g.lines(s.Tree), "a=secret d/ d/x=secret e/ e/.bsvignore=secret e/y=secret z=new")
	// The mapped directory itself: nothing of it has changed.
	g.chmod("a", 0o644)
	g.write(".bsvignore", "*")
	g.chmod(".bsvignore", 0)
	s = g.scan(base)
	g.expect("problems", problemPaths(s.Problems), "/docs (permission denied)")
	g.expect("tree", g.lines(s.Tree), g.lines(base))
}

// Directories without permissions are written into all the same and get their
// modes back; what cannot be is a problem.
func TestApplyIntoReadOnlyDirectories(t *testing.T) {
	g := newMemGround(t)
	for _, n := range []string{"r/x", "r/in/y", "none/x", "locked"} {
		g.write(n, "old")
	}
	have := g.scan(object.ID{}).Tree
	g.chmod("r/in", 0o555)
	g.chmod("r", 0o555)
	g.chmod("none", 0)
	have = g.scan(have).Tree
	g.chmod("locked", 0)
	want := g.tree("r/new=new", "r/in/y=new", "none/x=new", "locked=new")
	r := g.apply(have, want)
	g.expect("problems", problemPaths(r.Problems), "/docs/locked (permission denied)")
	if got := fmt.Sprintf("%o %o", g.mode("r"), g.mode("none")); got != "755 755" { // as wanted
		t.Errorf("modes %s", got)
	}
	g.expect("written", g.read("r/new")+g.read("r/in/y")+g.read("none/x")+g.names("r"), "newnewnewin new")
	// Modes that nobody wanted to change.
	have = g.scan(want).Tree
	g.chmod("r/in", 0o500)
	g.chmod("r", 0o500)
	have = g.scan(have).Tree
	e, _, err := object.LookupPath(context.Background(), g.s, g.tree("y=newer"), "/y")
	g.must(err)
	want, err = object.SetPath(context.Background(), g.s.Hasher(), g.s, g.s, have, "/r/in/y", &e)
	g.must(err)
	g.expect("problems", problemPaths(g.apply(have, want).Problems), "")
	if got := fmt.Sprintf("%o %o %s", g.mode("r"), g.mode("r/in"), g.read("r/in/y")); got != "500 500 newer" {
		t.Errorf("modes %s", got)
	}
}

// A directory that becomes a link at any moment leads an apply nowhere.
func TestLinkIsPlantedAtEachCall(t *testing.T) {
	for n := 1; ; n++ {
		g := newMemGround(t)
		for _, name := range []string{"d/a", "d/b", "sibling/a", "sibling/b"} {
			g.write(name, "old")
		}
		have := g.scan(object.ID{}).Tree
		want := g.tree("d/a=new", "d/new=new", "d/e/f=new", "sibling/a=old", "sibling/b=old")
		calls := 0
		g.fs.Before = func(string, string) error {
			if calls++; calls == n {
				g.must(g.disk.Rename("docs/d", "elsewhere"))
				g.in("d", func(d vfs.Dir, base string) error { return d.Symlink("sibling", base) })
			}
			return nil
		}
		ctx := context.Background()
		r, err := Apply(ctx, ApplyOptions{Mapping: g.m, Steps: Plan(ctx, g.s, have, want), Content: g.s, Store: g.s, Memory: g.rows, Workers: 1})
		if err != nil && !errors.Is(err, ErrReplan) {
			t.Fatalf("call %d: %v %v", n, err, r.Problems)
		}
		if got := g.read("sibling/a") + g.read("sibling/b") + g.names("sibling"); got != "oldolda b" {
			t.Fatalf("call %d: written through a link: %s", n, got)
		}
		if calls < n {
			break
		}
	}
}

// The marker is durable when SetMarker returns, and neither it nor a check
// follows a planted link.
func TestMarker(t *testing.T) {
	g := newMemGround(t)
	for seed := range uint64(50) {
		c := g.disk.CrashClone(rand.New(rand.NewPCG(seed, 1)))
		if list, err := c.ReadDir("docs"); err == nil { // the directory itself nobody synced
			if len(list) != 1 || list[0].Name != markerName || list[0].Size != int64(len((marker{g.m.Device.String(), g.m.Path}).String())) {
				t.Fatalf("seed %d: %v", seed, list)
			}
		}
	}
	real := newGround(t)
	at, outside := filepath.Join(real.m.Dir, markerName), filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"a person's", real.m.Device.String()} {
		if err := errors.Join(os.WriteFile(outside, []byte(text), 0o644), os.Remove(at), os.Symlink(outside, at)); err != nil {
			t.Skip("no links here: ", err)
		}
		if err := real.m.CheckMarker(); !errors.Is(err, ErrNotMounted) {
			t.Errorf("a link counts as marker: %v", err)
		}
		if err := real.m.SetMarker(func(object.DeviceID) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(outside); err != nil || string(b) != text {
			t.Errorf("written through a link: %q %v", b, err)
		}
		if err := real.m.CheckMarker(); err != nil {
			t.Error(err)
		}
	}
	other := real.m
	other.Device = object.DeviceID{2}
	if err := other.SetMarker(func(object.DeviceID) bool { return true }); !errors.Is(err, ErrForeign) {
		t.Errorf("two devices map one directory: %v", err)
	}
	if err := other.CheckMarker(); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
	if err := other.SetMarker(func(object.DeviceID) bool { return false }); err != nil || other.CheckMarker() != nil {
		t.Errorf("a dead device's marker stays: %v", err)
	}
	if err := other.RemoveMarker(); err != nil {
		t.Error(err)
	}
	if err := real.m.CheckMarker(); !errors.Is(err, ErrNotMounted) {
		t.Errorf("no marker: %v", err)
	}
}

// bsv's own home below a mapping is neither written nor deleted nor told of.
func TestHiddenHome(t *testing.T) {
	g := newMemGround(t)
	g.write("a", "old")
	g.write(".bsv/keys/device", "secret")
	g.m.Hidden = []string{"/docs/.bsv"}
	have := g.scan(object.ID{}).Tree
	g.expect("scan", g.lines(have), "a=old")
	want := g.tree("a=new", ".bsv/keys/device=theirs", ".bsv/new=theirs")
	r := g.apply(have, want)
	g.expect("disk", g.read(".bsv/keys/device")+g.names(".bsv"), "secretkeys")
	g.expect("next scan", g.lines(g.scan(g.without(want, r)).Tree), g.lines(want))
	g.apply(want, g.tree("a=new"))
	g.expect("disk", g.read(".bsv/keys/device"), "secret")
}

// Names that are no text, are as long as can be, or look like commands.
func TestOddNames(t *testing.T) {
	g := newGround(t)
	names := []string{strings.Repeat("n", 255), "a\nb", "\x1b[2J", "\xff\xfe", "e\u0301", "\u00e9", "a\\b", "CON", "x.", "-rf", " ", strings.Repeat("\u00e9", 127)}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(g.m.Dir, n), []byte(n), 0o644); err != nil {
			t.Skip("this file system does not hold them: ", err)
		}
	}
	first := g.scan(object.ID{}).Tree
	for _, n := range names {
		if err := os.Remove(filepath.Join(g.m.Dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	second := g.scan(first).Tree
	if r, err := g.apply(second, first); err != nil || len(r.Problems) > 0 {
		t.Fatal(r, err)
	}
	for _, n := range names {
		if g.read(n) != n {
			t.Errorf("%q: %q", n, g.read(n))
		}
	}
	if g.scan(second).Tree != first {
		t.Error("they do not come back the same")
	}
}

// What an apply was moving and nobody knows comes back, links and whole
// directories too; empty directories were bsv's own.
func TestRecoverOtherKinds(t *testing.T) {
	g := newMemGround(t)
	g.write(".bsv-swap-0000000000000001/mine", "a person's")
	g.must(g.disk.MkdirAll("docs/.bsv-swap-0000000000000002", 0o755))
	for name, target := range map[string]string{".bsv-swap-0000000000000003": "unknown", ".bsv-swap-0000000000000004": "known"} {
		g.in(name, func(d vfs.Dir, base string) error { return d.Symlink(target, base) })
	}
	g.write("recovered-0000000000000003", "taken")
	back, err := Recover(context.Background(), g.m, g.s, []object.ID{g.tree("l->known"), {}})
	g.must(err)
	if len(back) != 2 || back[0] != "recovered-0000000000000001" || g.read("recovered-0000000000000001/mine") != "a person's" || g.read("recovered-0000000000000003") != "taken" {
		t.Fatal(back)
	}
	g.in(back[1], func(d vfs.Dir, base string) error {
		if target, err := d.Readlink(base); err != nil || target != "unknown" {
			t.Error(target, err)
		}
		return nil
	})
	g.expect("disk", fmt.Sprint(len(strings.Fields(g.names("")))), "4")
	g.in("l", func(d vfs.Dir, base string) error {
		if target, err := d.Readlink(base); err != nil || target != "known" {
			t.Error(target, err)
		}
		return nil
	})
}

// Few files are synced one by one, many with their whole file system; a sync
// of what a scan found is like it.
func TestFewSyncs(t *testing.T) {
	if !vfs.WholeSync {
		t.Skip("files are synced one by one here")
	}
	for n, whole := range map[int]bool{1: false, 3: false, 400: true} {
		g := newMemGround(t)
		g.write("d/first", "old")
		have := g.scan(object.ID{}).Tree
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("d/%d=new", i))
		}
		want := g.tree(lines...)
		syncs := map[string]int{}
		g.fs.Before = func(op, _ string) error {
			if strings.Contains(op, "sync") {
				syncs[op]++
			}
			return nil
		}
		g.apply(have, want)
		if (syncs["syncall"] > 0) != whole || !whole && (syncs["fsync"] != n || syncs["sync"] == 0) {
			t.Errorf("apply of %d files: %v", n, syncs)
		}
		clear(syncs)
		for i := range n {
			g.write(fmt.Sprintf("e/%d", i), "mine")
		}
		g.must(Sync(g.m, g.scan(want)))
		if (syncs["syncall"] > 0) != whole || !whole && syncs["fsync"] < n {
			t.Errorf("scan of %d files: %v", n, syncs)
		}
	}
}

// The directory that an apply touched first may be gone or closed when the
// whole file system is to be synced.
func TestSyncAfterDirectoryIsGone(t *testing.T) {
	g := newMemGround(t)
	g.write("a/in/x", "old")
	have := g.scan(object.ID{}).Tree
	var lines []string
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("d/%d/f=new", i))
	}
	r := g.apply(have, g.tree(lines...))
	g.expect("problems", problemPaths(r.Problems), "")
	c := g.disk.CrashClone(rand.New(rand.NewPCG(1, 1)))
	if list, err := c.ReadDir("docs/d"); err != nil || len(list) != 400 {
		t.Fatal(len(list), err)
	}
}
