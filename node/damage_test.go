package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// packs are the pack files of a member's repository.
func (m *member) packs(class string) []string {
	m.t.Helper()
	list, err := filepath.Glob(filepath.Join(m.tmp, "home", "repo", "packs", class, "*", "*.pack"))
	if err != nil {
		m.t.Fatal(err)
	}
	return list
}

func isDamage(err error) bool { return err != nil && node.Explain(err).Kind == node.Damage }

func (m *member) lose(packs []string) {
	m.t.Helper()
	if len(packs) == 0 {
		m.t.Fatal("no pack to lose")
	}
	for _, p := range packs {
		if err := os.Remove(p); err != nil {
			m.t.Fatal(err)
		}
	}
}

// A pack that holds what another device wrote is gone, and that device is
// away: what the disk holds is not put back to an older state. When the device
// is there again, its copy mends the repository. Where only contents are gone,
// and of an older state, the history can be read and goes on.
func TestDamageDoesNotTurnBackTheDisk(t *testing.T) {
	for _, class := range []string{"data", "meta"} {
		t.Run(class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				words := testSecret().Words()
				a, b := newMember(t, net, words), newMember(t, net, words)
				old, between, newer := strings.Repeat("old ", 100), strings.Repeat("between ", 100), strings.Repeat("newer ", 100)
				a.write("f", old)
				a.save()
				quiet(3 * time.Second)
				before := append(a.packs("data"), a.packs("meta")...)
				b.write("f", between)
				b.save()
				quiet(3 * time.Second)
				gone := slices.DeleteFunc(a.packs(class), func(p string) bool { return slices.Contains(before, p) })
				b.write("f", newer) // what the disk holds mends itself: it is read again
				b.save()
				quiet(3 * time.Second)
				if a.files()["f"] != newer {
					t.Fatalf("a holds %q", a.files()["f"])
				}
				net.Cut(a.host.Self(), b.host.Self())
				a.close()
				a.lose(gone)
				a.open()
				a.start()
				quiet(time.Minute)
				if got := a.files()["f"]; got != newer {
					t.Fatalf("the disk was put back to %q", got)
				}
				_, err := a.Snapshot(t.Context(), node.SnapshotRequest{})
				if isDamage(err) != (class == "meta") {
					t.Errorf("snapshot: %v", err)
				}
				list, err := a.Log(t.Context(), node.LogRequest{})
				if isDamage(err) != (class == "meta") || class == "data" && len(list.Snapshots) != 3 {
					t.Errorf("log: %v, %+v", err, list)
				}
				if s := a.status(); len(s.Damaged) != 1 {
					t.Errorf("status names no damage: %+v", s)
				}
				a.write("new", "made meanwhile")
				if class == "data" {
					a.save()
					if s := a.status(); len(s.Damaged) == 0 {
						t.Error("a new snapshot ends the damage")
					}
				}
				net.Heal(a.host.Self(), b.host.Self())
				quiet(time.Minute)
				if s := a.status(); len(s.Damaged) != 0 || len(s.Pending) != 0 {
					t.Errorf("a peer has it all, and there is still damage: %v, pending %v", s.Damaged, s.Pending)
				}
				if a.files()["f"] != newer || b.files()["f"] != newer || b.files()["new"] != "made meanwhile" {
					t.Errorf("a holds %v, b %v", a.files(), b.files())
				}
			})
		})
	}
}

// All objects of a device are gone. A peer still lets it in, and gives it its
// history back; until then nothing is written on top of an empty one.
func TestEverythingLostComesFromAPeer(t *testing.T) {
	for name, hurt := range map[string]func(m *member, packs []string){"gone": (*member).lose, "flipped": (*member).flip} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { everythingLost(t, hurt) }) })
	}
}

// flip changes the first block of packs, and removes the index.
func (m *member) flip(packs []string) {
	m.t.Helper()
	for _, p := range packs {
		b, err := os.ReadFile(p)
		if err != nil {
			m.t.Fatal(err)
		}
		b[40] ^= 1
		if err := os.WriteFile(p, b, 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(m.tmp, "home", "index.db")); err != nil {
		m.t.Fatal(err)
	}
}

func everythingLost(t *testing.T, hurt func(*member, []string)) {
	net := memnet.New()
	words := testSecret().Words()
	a, b := newMember(t, net, words), newMember(t, net, words)
	a.write("f", strings.Repeat("one ", 100))
	a.save()
	a.write("f", strings.Repeat("two ", 100))
	a.save()
	quiet(3 * time.Second)
	want, err := b.Log(t.Context(), node.LogRequest{})
	if err != nil || len(want.Snapshots) != 2 {
		t.Fatalf("%+v, %v", want, err)
	}
	net.Cut(a.host.Self(), b.host.Self())
	a.close()
	hurt(a, append(a.packs("data"), a.packs("meta")...))
	a.open()
	a.start()
	quiet(time.Minute)
	if _, err := a.Snapshot(t.Context(), node.SnapshotRequest{}); err == nil || node.Explain(err).Kind != node.Damage {
		t.Errorf("snapshot: %v", err)
	}
	if s := a.status(); len(s.Damaged) != 1 {
		t.Errorf("status names no damage: %+v", s)
	}
	net.Heal(a.host.Self(), b.host.Self())
	quiet(time.Minute)
	got, err := a.Log(t.Context(), node.LogRequest{})
	if err != nil || len(got.Snapshots) != 2 || got.Snapshots[0].ID != want.Snapshots[0].ID {
		t.Errorf("%+v, %v", got, err)
	}
	if s := a.status(); s.State != b.status().State || len(s.Damaged)+len(s.Pending) > 0 {
		t.Errorf("%+v", s)
	}
}
