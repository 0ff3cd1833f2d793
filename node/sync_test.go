package node_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
)

// visit opens a closed member again as a command does: it has a network and no
// loop. It returns when the sessions have said everything by themselves.
func (m *member) visit() {
	m.t.Helper()
	m.open()
	time.Sleep(300 * time.Millisecond) // or both would dial in the same instant, and send twice
	m.host = m.lan.Join(object.DeviceID(m.Identity().Public().(ed25519.PublicKey)))
	m.net = &meter{Network: m.host}
	m.StartNetwork(m.net)
	m.end = func() {}
	quiet(5 * time.Second)
}

func (m *member) sync() node.SyncResult {
	m.t.Helper()
	r, err := m.Sync(m.t.Context(), node.SyncRequest{})
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// leave closes a member and edits its files as somebody else does meanwhile.
func (m *member) leave(edit func()) {
	m.t.Helper()
	edit()
	m.save()
	m.close()
}

// A sync without a node counts everything that its command has moved, the next
// one what was moved since; one of a running node counts its own work.
func TestSyncCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		quiet(5 * time.Second)
		net.Cut(a.host.Self(), b.host.Self())
		b.leave(func() { b.write("b", "of b") })
		a.write("a", "of a")
		a.save()
		net.Heal(a.host.Self(), b.host.Self())
		before := a.Traffic()
		b.visit()
		r, took, all := b.sync(), a.Traffic(), b.Traffic()
		if r.FetchedObjects == 0 || r.FetchedObjects != all.FetchedObjects || r.FetchedBytes != took.SentBytes-before.SentBytes {
			t.Errorf("fetched %d objects, %d bytes; the other sent %+v after %+v", r.FetchedObjects, r.FetchedBytes, took, before)
		}
		if r.SentObjects == 0 || r.SentObjects != all.SentObjects || r.SentBytes != took.FetchedBytes-before.FetchedBytes {
			t.Errorf("sent %d objects, %d bytes; the other fetched %+v after %+v", r.SentObjects, r.SentBytes, took, before)
		}
		quiet(5 * time.Second)
		if r := a.sync(); r.FetchedObjects+r.SentObjects != 0 {
			t.Errorf("with nothing to do a node counts %+v", r)
		}
		b.sync() // what came of the first one
		quiet(5 * time.Second)
		if r := b.sync(); r.FetchedObjects+r.SentObjects != 0 {
			t.Errorf("with nothing to do a command counts %+v", r)
		}
	})
}

// A conflict is new to the command during which it came, whoever brought it,
// and also when another one ends at the same time.
func TestSyncTellsNewConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		quiet(5 * time.Second)
		apart := func(name string) {
			t.Helper()
			net.Cut(a.host.Self(), b.host.Self())
			a.write(name, "of a")
			a.save()
			b.leave(func() { b.write(name, "of b, longer") })
			net.Heal(a.host.Self(), b.host.Self())
			b.visit()
		}
		apart("first.txt")
		if r := b.sync(); !r.NewConflicts || r.Conflicts != 1 {
			t.Fatalf("a conflict that came with the network: %+v", r)
		}
		if r := b.sync(); r.NewConflicts || r.Conflicts != 1 {
			t.Fatalf("nothing new: %+v", r)
		}
		quiet(5 * time.Second)
		copies, err := filepath.Glob(filepath.Join(b.dir, "first.conflict-*"))
		if err != nil || len(copies) != 1 {
			t.Fatal(copies, err)
		}
		apart("second.txt")
		if err := os.Remove(copies[0]); err != nil { // the first one ends
			t.Fatal(err)
		}
		r := b.sync()
		left, err := b.Conflicts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range left.Conflicts {
			if strings.Contains(c.Path.Path, "first") {
				t.Fatalf("the first conflict goes on: %+v", left)
			}
		}
		if !r.NewConflicts || r.Conflicts != 1 {
			t.Errorf("one went, one came: %+v", r)
		}
	})
}

// A device that is away is up to date as far as it has said so, with several
// heads too, and as long as nothing new is here.
func TestAwayIsUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		quiet(5 * time.Second)
		net.Cut(a.host.Self(), b.host.Self())
		for _, m := range []*member{a, b} {
			m.write("by "+m.host.Self().String(), "mine")
			m.save()
		}
		upToDate := func(state string) bool {
			t.Helper()
			p, err := a.Peers(t.Context())
			if err != nil || len(p.Peers) != 1 || p.Peers[0].State != state {
				t.Fatalf("%+v: %v", p, err)
			}
			return p.Peers[0].UpToDate
		}
		if upToDate("away") {
			t.Error("what it has not seen it is up to date with")
		}
		net.Heal(a.host.Self(), b.host.Self())
		quiet(5 * time.Second)
		if n := len(a.status().Heads); n != 2 || !upToDate("connected") {
			t.Fatalf("%d heads", n)
		}
		b.close()
		quiet(5 * time.Second)
		if !upToDate("away") {
			t.Error("an equal device that is away is not up to date")
		}
		a.close()
		a.visit()
		if !upToDate("away") {
			t.Error("that it acknowledged is forgotten")
		}
		a.write("later", "news")
		a.save()
		if upToDate("away") {
			t.Error("nobody told it of the news")
		}
	})
}
