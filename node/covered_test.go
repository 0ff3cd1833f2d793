package node_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// A file that takes the place of a directory which a third device maps, or of
// one above it, and edits in that directory: both stay, listed alike.
func TestFileInPlaceOfAMappedDirectory(t *testing.T) {
	for _, c := range []struct{ mapped, file string }{{"sub", "sub"}, {"p/sub", "p"}} {
		synctest.Test(t, func(t *testing.T) {
			net := memnet.New()
			a, b := newMember(t, net, testSecret().Words()), newMember(t, net, testSecret().Words())
			a.put(c.mapped+"/x", "x")
			a.put("y", "y")
			a.save()
			quiet(3 * time.Second)
			m := newMember(t, net, testSecret().Words())
			if _, err := m.MapRemove(t.Context(), node.MapRequest{Path: "/docs"}); err != nil {
				t.Fatal(err)
			}
			quiet(3 * time.Second)
			if _, err := m.MapAdd(t.Context(), node.MapRequest{Path: "/docs/" + c.mapped, Dir: m.dir}); err != nil {
				t.Fatal(err)
			}
			quiet(3 * time.Second)
			if err := os.RemoveAll(filepath.Join(b.dir, c.file)); err != nil {
				t.Fatal(err)
			}
			b.put(c.file, "PRECIOUS")
			b.save()
			quiet(3 * time.Second)
			if s := m.status(); s.Maps[0].State != "covered" || !strings.Contains(s.Maps[0].Reason, "/docs/"+c.file) || len(s.Warnings) == 0 {
				t.Errorf("of a mapping below a file: %+v, %v", s.Maps, s.Warnings)
			}
			m.put("m", "of c")
			m.save()
			quiet(3 * time.Second)
			listed := ""
			for _, d := range []*member{a, b, m} {
				list := d.conflicts()
				text, err := json.Marshal(list)
				if err != nil || len(list) != 1 || list[0].Path.Path != "/docs/"+c.file || len(list[0].Copies) != 1 {
					t.Fatalf("conflicts %v, %v", list, err)
				}
				if listed == "" {
					listed = string(text)
				}
				if listed != string(text) || d.status().State != a.status().State {
					t.Errorf("not alike: %s and %s", listed, text)
				}
				if d != m {
					d.holds("after both", map[string]string{c.mapped + "/m": "of c", strings.TrimPrefix(list[0].Copies[0], "/docs/"): "PRECIOUS", "y": "y"})
				}
			}
			if s := m.status(); s.Maps[0].State != "clean" {
				t.Errorf("afterwards: %+v", s.Maps)
			}
		})
	}
}
