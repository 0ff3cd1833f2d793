package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// loseFiles removes files of the home.
func (m *member) loseFiles(patterns ...string) {
	m.t.Helper()
	for _, p := range patterns {
		list, err := filepath.Glob(filepath.Join(m.tmp, "home", filepath.FromSlash(p)))
		if err != nil || len(list) == 0 {
			m.t.Fatalf("nothing to lose at %s: %v", p, err)
		}
		for _, name := range list {
			if err := os.Remove(name); err != nil {
				m.t.Fatal(err)
			}
		}
	}
}

func (m *member) logged() int {
	m.t.Helper()
	l, err := m.Log(m.t.Context(), node.LogRequest{})
	if err != nil {
		m.t.Fatal(err)
	}
	return len(l.Snapshots)
}

// The record of another device is gone here, and that device is away: what came
// from it stays on the disk and in the history, and the next snapshot is built
// upon it.
func TestRecordOfAnotherDeviceIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("a", "of a")
		a.save()
		quiet(3 * time.Second)
		b.write("b", "of b")
		b.save()
		quiet(3 * time.Second)
		net.Cut(a.host.Self(), b.host.Self())
		own := a.own()
		a.close()
		for d, names := range a.records() {
			if names[0] != own[0] {
				a.loseFiles("repo/records/" + d + "/*")
			}
		}
		a.open()
		a.start()
		quiet(time.Minute)
		a.holds("without b's record", map[string]string{"a": "of a", "b": "of b"})
		if n := a.logged(); n != 2 {
			t.Errorf("the history has %d snapshots", n)
		}
		a.write("a", "edited")
		a.save()
		if n := a.logged(); n != 3 {
			t.Errorf("the history has %d snapshots after another one", n)
		}
		net.Heal(a.host.Self(), b.host.Self())
		quiet(time.Minute)
		b.holds("at the end", map[string]string{"a": "edited", "b": "of b"})
	})
}

// The record of another device is gone here, and that device does not come back:
// what came from it reaches the others all the same, without an edit.
func TestHeadWithoutRecordReachesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("a", "of a")
		a.save()
		quiet(3 * time.Second)
		b.write("b", "of b")
		b.save()
		quiet(3 * time.Second)
		b.close()
		own := a.own()
		a.close()
		for d, names := range a.records() {
			if names[0] != own[0] {
				a.loseFiles("repo/records/" + d + "/*")
			}
		}
		a.open()
		a.start()
		c := newMember(t, net, words)
		quiet(time.Minute)
		c.holds("that never met b", map[string]string{"a": "of a", "b": "of b"})
		before := a.own()
		a.close()
		a.open()
		a.start()
		quiet(time.Minute)
		if after := a.own(); !slices.Equal(before, after) {
			t.Errorf("it is published once more: %v, then %v", before, after)
		}
	})
}

// Records and state.db are gone: the packs still tell what the history is, and
// who the members are. Nothing reads as deleted.
func TestRecordsAndStateAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, memnet.New(), testSecret().Words())
		a.write("f", "first")
		a.save()
		a.write("f", "second")
		a.save()
		name := a.status().Name
		for range 2 { // also when nothing new is stored in between
			a.close()
			a.loseFiles("repo/records/*/*", "state.db")
			a.open()
			a.start()
			quiet(time.Minute)
			a.holds("without records", map[string]string{"f": "second"})
			if n := a.logged(); n != 2 {
				t.Errorf("the history has %d snapshots", n)
			}
			if s := a.status(); s.Name != name || len(a.own()) != 1 {
				t.Errorf("the device is called %q, with records %q", s.Name, a.own())
			}
		}
		a.write("f", "third")
		a.save()
		a.close()
		a.open()
		a.start()
		if n := a.logged(); n != 3 {
			t.Errorf("the history has %d snapshots after another one", n)
		}
	})
}

// Not even the packs say any more that this device is a member: it takes that for
// damage and leaves the disk as it is, until the recovery words admit it again.
func TestNoMemberAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		words := testSecret().Words()
		a := newMember(t, memnet.New(), words)
		a.write("f", "the only copy")
		a.save()
		a.close()
		a.loseFiles("repo/records/*/*", "repo/packs/meta/*/*", "state.db")
		a.open()
		a.start()
		quiet(time.Minute)
		a.holds("without everything", map[string]string{"f": "the only copy"})
		if _, err := a.Snapshot(t.Context(), node.SnapshotRequest{AcceptDamage: true}); !isDamage(err) {
			t.Errorf("a snapshot that counts nowhere: %v", err)
		}
		if s := a.status(); s.Maps[0].State != "damaged" || !a.warned("is a member") {
			t.Errorf("status: %+v", s)
		}
		a.close()
		a.open()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if a.Node, err = node.Open(t.Context(), node.Options{Home: a.home, Words: words}); err != nil {
			t.Fatal(err)
		}
		a.start()
		a.save()
		a.holds("admitted again", map[string]string{"f": "the only copy"})
		if n := a.logged(); n != 1 {
			t.Errorf("the history has %d snapshots", n)
		}
	})
}
