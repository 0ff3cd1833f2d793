package node_test

import (
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
	big := make([]byte, 12<<20)
	rand.NewChaCha8([32]byte{1}).Read(big)
	const some = 3 << 20 // a few chunks
	for name, x := range map[string]struct {
		most   int
		change func(m *member) error
	}{
		"insert": {some, func(m *member) error {
			m.write("sub/big", string(big[:5<<20])+"inserted"+string(big[5<<20:]))
			return nil
		}},
		"append":           {some, func(m *member) error { m.write("sub/big", string(big)+"appended"); return nil }},
		"cut":              {some, func(m *member) error { m.write("sub/big", string(big[:5<<20])+string(big[6<<20:])); return nil }},
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
