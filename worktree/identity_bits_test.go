package worktree

import (
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// What would lend the owner of a file to others is stored, and not given to
// another device's disk; the next scan there does not take it for an edit.
func TestIdentityBitsStayAtHome(t *testing.T) {
	g := newMemGround(t)
	scan := func(base object.ID) object.ID {
		return g.rows.keep(g.m, g.scan(base))
	}
	g.write("tool", "run")
	g.write("team/f", "f")
	plain := scan(object.ID{})
	g.chmod("tool", 0o4755)
	g.chmod("team", 0o2775)
	bits := scan(plain)
	if bits == plain {
		t.Fatal("the bits are not stored")
	}
	if again := scan(bits); again != bits {
		t.Error("scanned once more it is another tree")
	}
	// Another device.
	g.must(g.disk.Remove("docs/tool"))
	g.must(g.disk.Remove("docs/team/f"))
	g.must(g.disk.Remove("docs/team"))
	clear(g.rows)
	empty := scan(g.tree())
	r := g.apply(empty, bits)
	g.expect("problems", problemPaths(r.Problems), "")
	if a, b := g.mode("tool"), g.mode("team"); a != 0o755 || b != 0o775 {
		t.Errorf("modes %o %o", a, b)
	}
	if got := scan(bits); got != bits {
		t.Errorf("after an apply: %s, want %s", g.lines(got), g.lines(bits))
	}
	g.write("tool", "edited")
	g.chmod("team", 0o2755) // its own group, here
	edited := scan(bits)
	r = g.apply(edited, g.tree("tool=again", "team/f=f"))
	g.expect("problems", problemPaths(r.Problems), "")
	if m := g.mode("team"); m&identityBits != 0o2000 {
		t.Errorf("a directory's own bit is gone: %o", m)
	}
	// Restored elsewhere it is as it was.
	g.m = Mapping{Path: "/", Dir: "/elsewhere", FS: g.disk, Unmarked: true}
	g.must(g.disk.MkdirAll("elsewhere", 0o755))
	g.apply(empty, bits)
	d, err := g.disk.OpenDir("elsewhere")
	g.must(err)
	for name, want := range map[string]uint16{"tool": 0o4755, "team": 0o2775} {
		if st, err := vfs.Dir.Lstat(d, name); err != nil || st.Mode != want {
			t.Errorf("%s has mode %o: %v", name, st.Mode, err)
		}
	}
}

// Bits that come to a file which is here already, or go from it, change nothing on
// the disk. The next scan must not take what the stat cache says of the file before
// for an edit: the device that has the bits would set them again, without end.
func TestIdentityBitsAloneAreNoEdit(t *testing.T) {
	g := newMemGround(t)
	scan := func(base object.ID) object.ID {
		return g.rows.keep(g.m, g.scan(base))
	}
	g.write("tool", "run")
	g.write("team/f", "f")
	g.chmod("tool", 0o755)
	plain := scan(object.ID{})
	g.chmod("tool", 0o4755)
	g.chmod("team", 0o2755)
	bits := scan(plain)
	g.chmod("tool", 0o755)
	g.chmod("team", 0o755)
	clear(g.rows)
	if got := scan(plain); got != plain { // another device has the files without
		t.Fatalf("got %s, want %s", g.lines(got), g.lines(plain))
	}
	for _, step := range []struct{ from, to object.ID }{{plain, bits}, {bits, plain}, {plain, bits}} {
		r := g.apply(step.from, step.to)
		g.expect("problems", problemPaths(r.Problems), "")
		for range 2 {
			if got := scan(step.to); got != step.to {
				t.Errorf("after an apply: %s, want %s", g.lines(got), g.lines(step.to))
			}
		}
	}
}

// Whoever takes the bits from a file on the device that has them means it: restored,
// the file has them no more.
func TestIdentityBitsTakenAway(t *testing.T) {
	g := newMemGround(t)
	g.write("tool", "run")
	g.chmod("tool", 0o755)
	scan := func(base object.ID) object.ID {
		return g.rows.keep(g.m, g.scan(base))
	}
	plain := scan(object.ID{})
	g.chmod("tool", 0o4755)
	bits := scan(plain)
	g.chmod("tool", 0o755)
	if got := scan(bits); got != plain {
		t.Error("they are still stored")
	}
	if got := scan(plain); got != plain {
		t.Error("they came back")
	}
}
