package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
)

// seen collects what many crashes leave.
func seen(t *testing.T, m *vfs.Mem, look func(tree) string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for seed := range uint64(200) {
		d, err := m.CrashClone(rand.New(rand.NewPCG(seed, 1))).OpenDir("/")
		if err != nil {
			t.Fatal(err)
		}
		out[look(tree{d, t})]++
	}
	return out
}

func all(d tree) string {
	s := ""
	for _, n := range d.names() {
		s += fmt.Sprintf("%s=%q ", n, d.text(n))
	}
	return s
}

func expect(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for k := range got {
		if !slices.Contains(want, k) {
			t.Errorf("a crash leaves %q", k)
		}
	}
	for _, w := range want {
		if got[w] == 0 {
			t.Errorf("no crash leaves %q: %v", w, got)
		}
	}
}

func memTree(t *testing.T) (*vfs.Mem, tree) {
	m := vfs.NewMem()
	d, err := m.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	return m, tree{d, t}
}

func TestCrashLosesWhatWasNotSynced(t *testing.T) {
	m, d := memTree(t)
	d.put("a", "one")
	expect(t, seen(t, m, all), "", `a="one" `) // its content is synced, its name is not
	d.must(d.Sync())
	expect(t, seen(t, m, all), `a="one" `)
	f, err := m.Create("a", 0o600)
	d.must(err)
	_, err = f.Write([]byte("xy"))
	d.must(err)
	got := seen(t, m, all)
	expect(t, got, `a="one" `, `a="xy" `, `a="x\x00" `, `a="\x00\x00" `)
	d.must(f.Sync())
	expect(t, seen(t, m, all), `a="xy" `)
	d.must(d.Remove("a"))
	expect(t, seen(t, m, all), "", `a="xy" `)
	d.must(d.SyncAll())
	expect(t, seen(t, m, all), "")
}

// The control: with syncs dropped the same steps lose what was synced.
func TestDroppedSyncsLose(t *testing.T) {
	m, d := memTree(t)
	m.DropSyncs = true
	d.put("a", "one")
	d.must(errors.Join(d.Sync(), d.SyncAll()))
	if got := seen(t, m, all); got[`a="one" `] == 200 || got[""] == 0 {
		t.Fatal(got)
	}
	m.Persist("a")
	expect(t, seen(t, m, all), `a="one" `)
}

// With a journal a rename is whole; without one its names fare alone.
func TestCrashOfRename(t *testing.T) {
	for journal, want := range map[bool][]string{
		true:  {`a="one" `, `b="one" `},
		false: {`a="one" `, `b="one" `, `a="one" b="one" `, ""},
	} {
		m, d := memTree(t)
		m.Journal = journal
		d.put("a", "one")
		d.must(errors.Join(d.Sync(), d.Rename("a", "b")))
		expect(t, seen(t, m, all), want...)
	}
	m, d := memTree(t)
	m.Journal = true
	d.put("a", "one")
	d.put("b", "two")
	d.must(errors.Join(d.Sync(), d.Exchange("a", "b"), d.Remove("b")))
	expect(t, seen(t, m, all), `a="one" b="two" `, `a="two" b="one" `, `a="two" `)
	d.must(d.Sync())
	expect(t, seen(t, m, all), `a="two" `)
}

// A sync of one directory keeps nothing in another, but the whole of a rename
// that touches it, with what that rests on.
func TestSyncOfOneDirectory(t *testing.T) {
	m, d := memTree(t)
	m.Journal = true
	d.must(errors.Join(d.Mkdir("x", 0o755), d.Mkdir("y", 0o755), d.Sync()))
	for _, name := range []string{"x/a", "x/b"} {
		f, err := m.Create(name, 0o600)
		d.must(err)
		d.must(f.Sync())
	}
	d.must(errors.Join(m.Rename("x/a", "y/a"), m.SyncDir("y")))
	expect(t, seen(t, m, func(d tree) string {
		s := ""
		for _, n := range []string{"x", "y"} {
			sub, err := d.OpenDir(n)
			d.must(err)
			s += n + fmt.Sprint(tree{sub, d.t}.names())
		}
		return s
	}), "x[]y[a]", "x[b]y[a]")
}

// A crash of the file system itself leaves one of those states, and what it
// leaves is durable.
func TestCrashInPlace(t *testing.T) {
	m, d := memTree(t)
	d.must(d.Mkdir("d", 0o755))
	d.put("a", "one")
	m.Crash(rand.New(rand.NewPCG(3, 3)))
	list, err := m.ReadDir("/")
	d.must(err)
	for seed := range uint64(20) {
		again, err := m.CrashClone(rand.New(rand.NewPCG(seed, 0))).ReadDir("/")
		if err != nil || !slices.Equal(again, list) {
			t.Fatal(again, list, err)
		}
	}
}

// An owner who is not root is bound by permissions.
func TestMemPermissions(t *testing.T) {
	m, d := memTree(t)
	d.must(errors.Join(m.MkdirAll("d", 0o755)))
	sub, err := d.OpenDir("d")
	d.must(err)
	tree{sub, t}.put("a", "one")
	d.must(d.Chmod("d", 0o500))
	if sub.Writable() {
		t.Error("writable")
	}
	_, err = sub.Create("b")
	d.fails(err, fs.ErrPermission)
	d.fails(sub.Remove("a"), fs.ErrPermission)
	d.must(errors.Join(sub.Chmod("a", 0)))
	_, err = sub.Open("a")
	d.fails(err, fs.ErrPermission)
	d.must(d.Chmod("d", 0))
	_, err = d.OpenDir("d")
	d.fails(err, fs.ErrPermission)
	_, err = sub.Lstat("a")
	d.fails(err, fs.ErrPermission)
}
