package node_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node/memnet"
)

// What a change of a large file costs on the wire is what it added, and what
// only moved costs no content.
func TestChangeOfLargeFile(t *testing.T) {
	big := make([]byte, 6<<20)
	rand.NewChaCha8([32]byte{1}).Read(big)
	const some = 3 << 20 // a few chunks
	for name, x := range map[string]struct {
		most   int
		change func(m *member) error
	}{
		"insert": {some, func(m *member) error {
			m.write("sub/big", string(big[:2<<20])+"inserted"+string(big[2<<20:]))
			return nil
		}},
		"append":           {some, func(m *member) error { m.write("sub/big", string(big)+"appended"); return nil }},
		"cut":              {some, func(m *member) error { m.write("sub/big", string(big[:2<<20])+string(big[3<<20:])); return nil }},
		"move":             {64 << 10, func(m *member) error { return os.Rename(m.at("sub/big"), m.at("elsewhere")) }},
		"move a directory": {64 << 10, func(m *member) error { return os.Rename(m.at("sub"), m.at("new")) }},
		"move a directory and change it": {64 << 10, func(m *member) error {
			m.write("sub/beside", "changed")
			return os.Rename(m.at("sub"), m.at("new"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				a := newMember(t, net, testSecret().Words())
				if err := os.Mkdir(a.at("sub"), 0o755); err != nil {
					t.Fatal(err)
				}
				a.write("sub/big", string(big))
				a.write("sub/beside", "as it was")
				a.save()
				b := newMember(t, net, testSecret().Words())
				quiet(10 * time.Second)
				b.net.begin()
				if err := x.change(a); err != nil {
					t.Fatal(err)
				}
				a.save()
				quiet(10 * time.Second)
				bytes, _ := b.net.read()
				t.Logf("%d bytes", bytes)
				if a.status().State != b.status().State || bytes > x.most {
					t.Errorf("%d bytes on the wire, where %d are enough; states %s and %s", bytes, x.most, a.status().State, b.status().State)
				}
				for _, path := range []string{"sub/big", "elsewhere", "new/big", "new/beside"} {
					want, err := os.ReadFile(a.at(path))
					got, berr := os.ReadFile(b.at(path))
					if (err == nil) != (berr == nil) || string(got) != string(want) {
						t.Errorf("%s differs: %v, %v", path, err, berr)
					}
				}
			})
		})
	}
}

// at is a path in the member's mapped directory.
func (m *member) at(name string) string { return filepath.Join(m.dir, filepath.FromSlash(name)) }

// What one device brought before a merge, or both in conflict, does not travel
// again with the snapshots that come after it.
func TestNothingTravelsAgainAfterMerge(t *testing.T) {
	big := make([]byte, 6<<20)
	rand.NewChaCha8([32]byte{2}).Read(big)
	const mib = 1 << 20
	for name, x := range map[string]struct {
		most         int // bytes until both have all
		common, a, b map[string]string
	}{
		"added":       {7 * mib, nil, map[string]string{"a": "small"}, map[string]string{"b": string(big)}},
		"added below": {7 * mib, map[string]string{"sub/x": "1"}, map[string]string{"sub/a": "small"}, map[string]string{"sub/b": string(big)}},
		"changed":     {2 * mib, map[string]string{"b": string(big)}, map[string]string{"a": "small"}, map[string]string{"b": string(big[3<<20:]) + string(big[:3<<20])}},
		"both":        {4 * mib, map[string]string{"f": string(big)}, map[string]string{"a": string(big[1:mib])}, map[string]string{"b": string(big[2*mib+1 : 3*mib])}},
		"conflict":    {7 * mib, map[string]string{"f": "1"}, map[string]string{"f": string(big[:3<<20])}, map[string]string{"f": string(big[3<<20:])}},
	} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", then an edit by the first: ", first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					net := memnet.New()
					a := newMember(t, net, testSecret().Words())
					put := func(m *member, files map[string]string) {
						for name, text := range files {
							if err := os.MkdirAll(filepath.Dir(m.at(name)), 0o755); err != nil {
								t.Fatal(err)
							}
							m.write(name, text)
						}
						m.save()
					}
					put(a, x.common)
					b := newMember(t, net, testSecret().Words())
					quiet(10 * time.Second)
					if a.status().State != b.status().State {
						t.Fatal("no common state")
					}
					net.Cut(a.host.Self(), b.host.Self())
					put(a, x.a)
					put(b, x.b)
					b.net.begin()
					net.Heal(a.host.Self(), b.host.Self())
					quiet(time.Minute)
					if bytes, _ := b.net.read(); bytes > x.most {
						t.Errorf("%d bytes until both have all", bytes)
					}
					for i := range 3 {
						b.net.begin()
						if first {
							put(a, map[string]string{"c": fmt.Sprint(i)})
						} else {
							put(b, map[string]string{"c": fmt.Sprint(i)})
						}
						quiet(10 * time.Second)
						bytes, _ := b.net.read()
						t.Logf("edit %d: %d bytes", i, bytes)
						if a.status().State != b.status().State || bytes > 64<<10 {
							t.Errorf("edit %d: %d bytes, states %s and %s", i, bytes, a.status().State, b.status().State)
						}
					}
				})
			})
		}
	}
}

// Two devices that had everything from a third find out what both have,
// however much each saved since.
func TestWhatBothHadFromAThird(t *testing.T) {
	big := make([]byte, 6<<20)
	rand.NewChaCha8([32]byte{3}).Read(big)
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b, c := newMember(t, net, words), newMember(t, net, words), newMember(t, net, words)
		same := func(when string) {
			t.Helper()
			quiet(time.Minute)
			if s := a.status().State; s == "" || s != b.status().State || s != c.status().State {
				t.Fatal("no common state ", when)
			}
		}
		a.write("small", "1")
		a.save()
		same("at first")
		net.Cut(a.host.Self(), c.host.Self())
		a.write("big", string(big))
		a.save()
		same("of what came from the third")
		net.Cut(a.host.Self(), b.host.Self())
		net.Cut(b.host.Self(), c.host.Self())
		a.write("a", string(big[1:1<<20])) // too much for an announcement
		c.write("c", string(big[3<<20+1:4<<20]))
		for i := range 100 {
			a.write("of a", fmt.Sprint(i))
			a.save()
			c.write("of c", fmt.Sprint(i))
			c.save()
		}
		c.net.begin()
		net.Heal(a.host.Self(), c.host.Self())
		quiet(time.Minute)
		bytes, _ := c.net.read()
		t.Logf("%d bytes", bytes)
		if a.status().State != c.status().State || bytes > 4<<20 {
			t.Errorf("%d bytes, states %s and %s", bytes, a.status().State, c.status().State)
		}
	})
}
