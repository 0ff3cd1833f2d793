package node_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// records lists the names of the records that a device stores, by device.
func (m *member) records() map[string][]string {
	m.t.Helper()
	dir := filepath.Join(m.tmp, "home", "repo", "records")
	out := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			of := filepath.Base(filepath.Dir(path))
			out[of] = append(out[of], d.Name())
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

func (m *member) own() []string {
	self := m.host.Self()
	return m.records()[hex.EncodeToString(self[:])]
}

func (m *member) warned(text string) bool {
	m.t.Helper()
	for _, w := range m.status().Warnings {
		if strings.Contains(w.Text+w.Command, text) {
			return true
		}
	}
	return false
}

// copyHome makes a second device out of a copy of a closed member's home.
func copyHome(t *testing.T, m *member, net *memnet.Net) *member {
	t.Helper()
	c := &member{t: t, lan: net, tmp: t.TempDir()}
	c.dir = m.dir
	if err := os.CopyFS(filepath.Join(c.tmp, "home"), os.DirFS(filepath.Join(m.tmp, "home"))); err != nil {
		t.Fatal(err)
	}
	return c
}

// A home is restored from an image: what was published after the image counts,
// a new incarnation goes on, and no version is lost.
func TestRestoredImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("early", "1")
		a.save()
		quiet(3 * time.Second)
		a.close()
		image := copyHome(t, a, net)
		a.open()
		a.start()
		a.write("late", "2")
		a.save()
		quiet(3 * time.Second)
		a.close()
		before := a.own()
		image.open() // in its place
		image.start()
		t.Cleanup(image.close)
		quiet(3 * time.Second)
		image.write("later", "3")
		image.save()
		quiet(3 * time.Second)
		if got := b.files(); got["early"] != "1" || got["late"] != "2" || got["later"] != "3" {
			t.Errorf("b holds %v", got)
		}
		if s, w := image.status(), b.status(); s.State != w.State || len(s.Heads) != 1 {
			t.Errorf("states %s and %s, heads %v", s.State, w.State, s.Heads)
		}
		after := image.own()
		if len(after) != 1 || len(before) != 1 || after[0][:8] <= before[0][:8] {
			t.Errorf("records %v follow %v: the incarnation must be another", after, before)
		}
		if b.warned("restored from an image") {
			t.Error("what was joined again is still warned of")
		}
	})
}

// Two copies of one home run at once: one of them stops and says how to go on;
// what both have published counts.
func TestCopyThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, far := memnet.New(), memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("base", "0")
		a.save()
		quiet(3 * time.Second)
		a.close()
		copied := copyHome(t, a, far) // reaches nobody yet
		copied.dir = filepath.Join(copied.tmp, "docs")
		a.open()
		a.start()
		copied.open()
		copied.start()
		var stopped *member
		publish := func(m *member, name string) {
			t.Helper()
			_, err := m.Mkdir(t.Context(), node.PathRequest{Path: "/" + name})
			switch {
			case errors.Is(err, node.ErrClone):
				if e := node.Explain(err); !strings.Contains(e.Hint, "bsv join TICKET") {
					t.Errorf("the error does not help: %+v", e)
				}
				stopped = m
			case err != nil:
				t.Fatal(err)
			}
		}
		publish(a, "of-a")
		publish(copied, "of-copy")
		quiet(3 * time.Second)
		swap := func(off, on *member) { // b meets them in turn: two hosts cannot have one id
			off.close()
			off.lan = far
			off.open()
			off.start()
			on.close()
			on.lan = net
			on.open()
			on.start()
			quiet(3 * time.Second)
		}
		t.Cleanup(copied.close)
		for i := range 6 {
			on, off := copied, a
			if i%2 == 1 {
				on, off = a, copied
			}
			swap(off, on)
			if i == 0 && !b.warned("two records in one place") {
				t.Errorf("b does not warn of the fork: %+v, records %v", b.status().Warnings, b.records())
			}
			if stopped == nil {
				publish(on, fmt.Sprintf("round-%d", i))
				quiet(3 * time.Second)
			}
		}
		if stopped == nil {
			t.Fatal("both copies publish for ever")
		}
		if !stopped.warned("bsv join TICKET") {
			t.Errorf("status does not say it: %+v", stopped.status().Warnings)
		}
		list, err := b.Ls(t.Context(), node.ShowRequest{})
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, e := range list.Entries {
			have[e.Path.Path] = true
		}
		if !have["/of-a"] || !have["/of-copy"] {
			t.Errorf("something that was published is lost: %v", have)
		}
	})
}

// errCrash unwinds a node as a crash would.
type errCrash string

// A crash around the moment at which a record is stored opens no incarnation
// and uses no number twice.
func TestCrashAroundRecord(t *testing.T) {
	for _, point := range []string{"record.begin", "record.noted", "record.published"} {
		t.Run(point, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				m := newMember(t, net, testSecret().Words())
				m.write("a", "1")
				m.save()
				before := m.own()
				m.close()
				m.fault = fault.New(map[string]int{point: 1}, func(p string) { panic(errCrash(p)) })
				m.open()
				m.write("a", "2")
				func() {
					defer func() {
						if _, ok := recover().(errCrash); !ok {
							t.Error("no crash")
						}
					}()
					_, _ = m.Snapshot(t.Context(), node.SnapshotRequest{})
				}()
				left := m.own()
				if err := errors.Join(m.Close(), m.home.Close()); err != nil {
					t.Fatal(err)
				}
				m.fault = nil
				m.open()
				m.start()
				m.write("a", "3")
				m.save()
				after := m.own()
				if len(after) != 1 || after[0][:16] != before[0][:16] {
					t.Errorf("%v, then %v: another incarnation", before, after)
				}
				for _, name := range left {
					if after[0][:33] == name[:33] && after[0] != name {
						t.Errorf("the number of %s is used again by %s", name, after[0])
					}
				}
				if len(m.status().Warnings) != 0 {
					t.Errorf("%+v", m.status().Warnings)
				}
			})
		})
	}
}

// A device that has nothing to say publishes once a day when it has seen
// something, and two that are quiet stay quiet.
func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("x", "x")
		a.save()
		quiet(3 * time.Second)
		first := b.own()
		quiet(12 * time.Hour)
		if got := b.own(); len(got) != 1 || got[0] != first[0] {
			t.Fatalf("b publishes too early: %v, then %v", first, got)
		}
		quiet(14 * time.Hour)
		second := b.own()
		if len(second) != 1 || second[0] == first[0] {
			t.Fatalf("b does not tell that it has seen a's work: %v", second)
		}
		quiet(24 * time.Hour)
		a1, b1 := a.own(), b.own()
		quiet(5 * 24 * time.Hour)
		if a2, b2 := a.own(), b.own(); a2[0] != a1[0] || b2[0] != b1[0] {
			t.Errorf("heartbeats answer heartbeats: %v %v, then %v %v", a1, b1, a2, b2)
		}
	})
}
