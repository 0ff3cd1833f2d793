package node_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// exclude starts the node anew with other patterns of its own. between is done
// while it does not run.
func (m *member) exclude(between func(), patterns ...string) {
	m.t.Helper()
	m.close()
	text, err := json.Marshal(append([]string{}, patterns...))
	if err == nil {
		err = os.WriteFile(filepath.Join(m.tmp, "config.toml"), fmt.Appendf(nil, "[snapshot]\nexclude = %s\n", text), 0o600)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	if between != nil {
		between()
	}
	m.open()
	m.start()
	quiet(5 * time.Second)
}

func (m *member) put(name, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(m.dir, name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	m.write(name, text)
}

// holds checks what files of the mapped directory hold; "-" is no file.
func (m *member) holds(when string, want map[string]string) {
	m.t.Helper()
	for name, text := range want {
		b, err := os.ReadFile(filepath.Join(m.dir, name))
		got := string(b)
		if err != nil {
			got = "-"
		}
		if got != text {
			m.t.Errorf("%s: %s of %s holds %q, want %q", when, name, m.tmp, got, text)
		}
	}
}

func (m *member) snapshots() int {
	m.t.Helper()
	l, err := m.Log(m.t.Context(), node.LogRequest{})
	if err != nil {
		m.t.Fatal(err)
	}
	return len(l.Snapshots)
}

func (m *member) conflicts() []node.ConflictInfo {
	m.t.Helper()
	c, err := m.Conflicts(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return c.Conflicts
}

// What was excluded here while others worked on it is written when the pattern
// goes: nothing reads as deleted or reverted, and nobody writes a snapshot for
// it. What was edited here meanwhile is one side of a conflict.
func TestExcludedPathsAreLetInAgain(t *testing.T) {
	all := map[string]string{"stale.iso": "v3", "never.iso": "B only", "m/x.iso": "B m", "m/k": "k", "big/one": "1", "gone.iso": "still", "k": "k"}
	for _, c := range []struct {
		name    string
		first   []string
		left    []string // which patterns stay
		between func(a *member)
		here    map[string]string // what a then holds, where it is not as b has it
	}{
		{name: "removed", first: []string{"*.iso", "big/"}},
		{name: "narrowed", first: []string{"*.iso", "big/"}, left: []string{"/m/*.iso"}, here: map[string]string{"m/x.iso": "-"}},
		{name: "state.db lost meanwhile", first: []string{"*.iso", "big/"}, between: func(a *member) {
			a.exclude(func() {
				if err := os.Remove(filepath.Join(a.tmp, "home", "state.db")); err != nil {
					a.t.Fatal(err)
				}
			}, "*.iso", "big/")
		}},
		{name: "other patterns first", first: []string{"*.iso", "big/"}, between: func(a *member) { a.exclude(nil, "/m/", "never.iso", "/stale.iso") }},
		{name: "deleted here meanwhile", first: []string{"*.iso", "big/"}, between: func(a *member) {
			if err := os.Remove(filepath.Join(a.dir, "stale.iso")); err != nil {
				a.t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(a.dir, "gone.iso")); err != nil {
				a.t.Fatal(err)
			}
		}},
		{name: "held here as it is elsewhere", first: []string{"*.iso", "big/"}, between: func(a *member) { a.put("never.iso", "B only"); a.put("big/one", "1") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				a := newMember(t, net, testSecret().Words())
				b := newMember(t, net, testSecret().Words())
				a.put("stale.iso", "v1")
				a.put("gone.iso", "still")
				a.put("k", "k")
				a.save()
				quiet(3 * time.Second)
				a.exclude(nil, c.first...)
				b.put("stale.iso", "v2")
				b.save()
				b.put("stale.iso", "v3")
				b.put("never.iso", "B only")
				b.put("m/x.iso", "B m")
				b.put("m/k", "k")
				b.put("big/one", "1")
				b.save()
				quiet(3 * time.Second)
				a.holds("while excluded", map[string]string{"stale.iso": "v1", "never.iso": "-", "m/x.iso": "-", "big/one": "-", "m/k": "k"})
				before := b.snapshots()
				if c.between != nil {
					c.between(a)
				}
				a.exclude(nil, c.left...)
				here := map[string]string{}
				for k, v := range all {
					here[k] = v
				}
				for k, v := range c.here {
					here[k] = v
				}
				a.holds("let in", here)
				b.holds("let in", all)
				a.put("k", "k2")
				a.save()
				quiet(20 * time.Minute)
				all["k"], here["k"] = "k2", "k2"
				defer func() { all["k"] = "k" }()
				a.holds("later", here)
				b.holds("later", all)
				if n := b.snapshots() - before; n != 1 {
					t.Errorf("%d snapshots were written for one edit", n)
				}
				if list := a.conflicts(); len(list) > 0 {
					t.Errorf("conflicts where nobody edited: %v", list)
				}
				for _, x := range []*member{a, b} {
					if s := x.status(); len(s.Maps) != 1 || s.Maps[0].State != "clean" || s.State != a.status().State {
						t.Errorf("the state does not settle: %+v", s.Maps)
					}
				}
			})
		})
	}
}

// What was edited on both sides of an exclusion stays on both.
func TestEditsOfExcludedPathsAreAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		b := newMember(t, net, testSecret().Words())
		a.put("f.iso", "v1")
		a.save()
		quiet(3 * time.Second)
		a.exclude(nil, "*.iso")
		b.put("f.iso", "by b")
		b.save()
		quiet(3 * time.Second)
		a.put("f.iso", "by a")
		a.put("own.iso", "a's own")
		quiet(15 * time.Minute)
		b.holds("while excluded", map[string]string{"f.iso": "by b", "own.iso": "-"})
		a.exclude(nil)
		for _, m := range []*member{a, b} {
			list := m.conflicts()
			if len(list) != 1 || list[0].Path.Path != "/docs/f.iso" || len(list[0].Copies) != 1 {
				t.Fatalf("conflicts: %v", list)
			}
			both := map[string]bool{}
			for _, text := range m.files() {
				both[text] = true
			}
			if !both["by a"] || !both["by b"] || !both["a's own"] {
				t.Errorf("files: %v", m.files())
			}
		}
	})
}

// A directory in the place of a file, excluded as a directory: the file goes
// here, the directory stays there.
func TestExcludedDirectoryTakesThePlaceOfAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		b := newMember(t, net, testSecret().Words())
		a.put("m", "a file")
		a.put("n/x", "a directory")
		a.save()
		quiet(3 * time.Second)
		a.exclude(nil, "m/", "n/")
		if err := os.Remove(filepath.Join(b.dir, "m")); err != nil {
			t.Fatal(err)
		}
		b.put("m/x", "x")
		if err := os.RemoveAll(filepath.Join(b.dir, "n")); err != nil {
			t.Fatal(err)
		}
		b.put("n", "a file now")
		b.save()
		quiet(15 * time.Minute)
		a.put("k", "k")
		a.save()
		quiet(3 * time.Second)
		b.holds("after both", map[string]string{"m/x": "x", "n": "a file now", "k": "k"})
		a.holds("after both", map[string]string{"m": "-", "m/x": "-", "n/x": "a directory"})
		if n := b.snapshots(); n > 5 {
			t.Errorf("%d snapshots for three edits", n)
		}
	})
}

// A home that moves out of a mapping uncovers what others have at its place.
func TestHomeMovesOutOfAMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		b := newMember(t, net, testSecret().Words())
		b.put("k", "k")
		b.save()
		quiet(3 * time.Second)
		out, in := filepath.Join(a.tmp, "home"), filepath.Join(a.dir, "home")
		a.exclude(func() { // into the mapping first
			if err := os.Rename(out, in); err != nil {
				t.Fatal(err)
			}
			a.away = in
		})
		b.put("home/mine", "b's")
		b.save()
		quiet(3 * time.Second)
		a.put("k", "2")
		a.save()
		quiet(3 * time.Second)
		a.holds("with its home inside", map[string]string{"home/mine": "-"})
		a.exclude(func() {
			if err := os.Rename(in, out); err != nil {
				t.Fatal(err)
			}
			a.away = ""
		})
		for _, m := range []*member{a, b} {
			m.holds("with the home outside again", map[string]string{"home/mine": "b's", "k": "2"})
		}
		if s := a.status(); strings.Contains(fmt.Sprint(s.Warnings), "damaged") || s.State != b.status().State {
			t.Errorf("states %s and %s, %v", s.State, b.status().State, s.Warnings)
		}
	})
}
