package worktree

import (
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// A file system that is mounted inside a mapping goes away: its files are not
// deleted, nothing is written below where it was, and when it is back all is as
// before. Whoever removes the empty directory, deletes.
func TestUnmountedIsNotDeleted(t *testing.T) {
	g := newMemGround(t)
	paths := func(list []Problem) string {
		var out []string
		for _, p := range list {
			if !strings.Contains(p.Reason, "mounted on /docs/usb is away") {
				t.Error(p)
			}
			out = append(out, p.Path)
		}
		return strings.Join(out, " ")
	}
	scan := func(base object.ID) (tree object.ID, told string) {
		r := g.scan(base)
		g.rows.keep(g.m, r)
		return r.Tree, paths(r.Problems) + "| " + g.lines(r.Tree)
	}
	g.write("a", "one")
	g.must(g.disk.MkdirAll("docs/usb", 0o755))
	unmount, mount, err := g.disk.Mount("docs/usb")
	g.must(err)
	g.write("usb/photo", "only")
	g.write("usb/d/photo", "only")
	have, told := scan(object.ID{})
	g.expect("mounted", told, "| a=one usb/ usb/d/ usb/d/photo=only usb/photo=only")

	unmount()
	have, told = scan(have)
	g.expect("unmounted", told, "/docs/usb| a=one usb/ usb/d/ usb/d/photo=only usb/photo=only")
	res := g.apply(have, g.tree("a=two", "usb/photo=new", "usb/another=new", "usb/e/f=new"))
	g.expect("not applied", paths(res.Problems), "/docs/usb/another /docs/usb/d/photo /docs/usb/d /docs/usb/e /docs/usb/photo")
	g.expect("disk", g.read("a")+" "+g.names("")+" "+g.names("usb"), "two a usb ")
	g.write("usb/import", "by a program that knows nothing of it")
	_, told = scan(have)
	g.expect("written below", told, "/docs/usb| a=two usb/ usb/d/ usb/d/photo=only usb/photo=only")
	g.must(g.disk.Remove("docs/usb/import"))
	g.apply(have, g.tree("a=two")) // all of it is deleted elsewhere
	g.expect("disk", g.names(""), "a usb")
	have, told = scan(have)
	g.expect("scanned again", told, "/docs/usb| a=two usb/ usb/d/ usb/d/photo=only usb/photo=only")

	mount()
	have, told = scan(have)
	g.expect("back", told, "| a=two usb/ usb/d/ usb/d/photo=only usb/photo=only")
	g.write("usb/photo", "edited")
	have, told = scan(have)
	g.expect("edited", told, "| a=two usb/ usb/d/ usb/d/photo=only usb/photo=edited")

	unmount()
	g.write("usb/photo", "moved to this disk")
	have, told = scan(have)
	g.expect("moved", told, "| a=two usb/ usb/photo=moved to this disk")
	mount()
	have, _ = scan(have)

	unmount()
	g.must(g.disk.Remove("docs/usb/photo"))
	g.must(g.disk.Remove("docs/usb"))
	have, told = scan(have)
	g.expect("removed", told, "| a=two")
	g.must(g.disk.MkdirAll("docs/usb", 0o755))
	_, told = scan(have)
	g.expect("made again", told, "| a=two usb/")
}
