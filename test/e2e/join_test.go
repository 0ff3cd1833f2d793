package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// A join is killed at each of its steps. The home still opens, with the vault
// that it had or with the joined one, and the next join ends well: what both
// devices held is there.
func TestKillJoin(t *testing.T) {
	a := newDevice(t, "a")
	write(t, filepath.Join(a.dir, "a.txt"), "of a\n")
	a.start("--no-mdns", "--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t)), a.dir)
	for _, point := range []string{
		"home.aside.renamed", "home.aside.words", "cas.vault.written", "cas.vault.durable", "cas.key.durable", "home.device.written", "home.device.renamed", "record.begin", "record.noted", "record.published",
	} {
		t.Logf("killed at %s", point)
		b := newDevice(t, "b")
		write(t, filepath.Join(b.dir, "b.txt"), "of b at "+point+"\n")
		b.ok("init", b.dir)
		words := read(filepath.Join(b.home, "recovery-words"))
		before := b.snapshot()
		want := listing(t, b.dir)
		ticket := a.invite()
		if out, finished := b.killed(time.Minute, []string{"BSV_FAULT=" + point}, "join", "-y", ticket); finished {
			t.Fatalf("%s was not reached: %s", point, out)
		}
		var s status
		b.json(&s, "status")
		if s.State == before.Root { // the vault that it had
			if err := b.verify(acknowledged{before.Snapshot, want}, "after "+point); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(filepath.Join(b.home, "recovery-words")); (s.State == before.Root) != (got == words) {
			t.Fatalf("after %s in the vault with state %s: the words in the home are %q", point, s.State, got)
		}
		b.ok("join", "-y", ticket)
		if got := read(filepath.Join(b.home, "recovery-words")); got == words {
			t.Fatalf("after %s: the home of the joined vault holds another one's words", point)
		}
		eventually(t, 30*time.Second, "after "+point+": a has what b held", func() error {
			b.ok("sync")
			if got := read(filepath.Join(a.dir, "b.txt")); got != "of b at "+point+"\n" {
				return fmt.Errorf("there is %q", got)
			}
			return nil
		})
		if got := read(filepath.Join(b.dir, "a.txt")); got != "of a\n" {
			t.Fatalf("after %s: b has %q of a", point, got)
		}
	}
}

// An init is killed at each of its steps; the next one makes a home that
// works, for itself and for a device that joins.
func TestKillInit(t *testing.T) {
	for _, point := range []string{
		"home.format.written", "cas.vault.written", "cas.vault.durable", "cas.key.durable", "record.begin", "record.noted", "record.published", "home.device.written", "home.device.renamed", "home.setup.written",
	} {
		d := newDevice(t, "a")
		write(t, filepath.Join(d.dir, "a.txt"), "of a\n")
		if out, finished := d.killed(time.Minute, []string{"BSV_FAULT=" + point}, "init", d.dir); finished {
			t.Fatalf("%s was not reached: %s", point, out)
		}
		d.ok("init", d.dir)
		s := d.snapshot()
		if err := d.verify(acknowledged{s.Snapshot, listing(t, d.dir)}, "after "+point); err != nil {
			t.Fatal(err)
		}
		d.start("--no-mdns", "--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t)))
		b := newDevice(t, "b")
		b.ok("join", d.invite(), "/docs="+b.dir)
		if got := read(filepath.Join(b.dir, "a.txt")); got != "of a\n" {
			t.Fatalf("after %s: the joined device has %q", point, got)
		}
		d.stop()
	}
}
