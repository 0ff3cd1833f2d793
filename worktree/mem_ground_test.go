package worktree

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// memGround is a mapped directory in memory, where permissions hold.
type memGround struct {
	t    *testing.T
	disk *vfs.Mem
	fs   *vfs.Fail
	m    Mapping
	s    memStore
	rows memRows
}

func newMemGround(t *testing.T) *memGround {
	g := &memGround{t: t, disk: vfs.NewMem(), s: newMemStore(), rows: memRows{}}
	g.fs = &vfs.Fail{FS: g.disk}
	g.m = Mapping{Path: "/docs", Dir: "/docs", Device: object.DeviceID{1}, FS: g.fs}
	g.must(g.disk.MkdirAll("docs", 0o755))
	g.must(g.m.SetMarker(func(object.DeviceID) bool { return true }))
	return g
}

func (g *memGround) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *memGround) write(name, text string) {
	g.t.Helper()
	full := path.Join("docs", name)
	g.must(g.disk.MkdirAll(path.Dir(full), 0o755))
	f, err := g.disk.Create(full, 0o644)
	g.must(err)
	_, err = f.Write([]byte(text))
	g.must(err)
}

func (g *memGround) read(name string) string {
	b, err := vfs.ReadFile(g.disk, path.Join("docs", name), 1<<20)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// in does something in a directory, with what name means there.
func (g *memGround) in(name string, do func(d vfs.Dir, base string) error) {
	g.t.Helper()
	d, err := g.disk.OpenDir(path.Join("docs", path.Dir(name)))
	g.must(err)
	g.must(do(d, path.Base(name)))
}

func (g *memGround) chmod(name string, mode uint16) {
	g.t.Helper()
	g.in(name, func(d vfs.Dir, base string) error { return d.Chmod(base, mode) })
}

func (g *memGround) mode(name string) (mode uint16) {
	g.t.Helper()
	g.in(name, func(d vfs.Dir, base string) error {
		st, err := d.Lstat(base)
		mode = st.Mode
		return err
	})
	return mode
}

func (g *memGround) scan(base object.ID) ScanResult {
	g.t.Helper()
	r, err := Scan(context.Background(), ScanOptions{Mapping: g.m, Base: base, Store: g.s, Memory: g.rows, Workers: 1})
	g.must(err)
	return r
}

func (g *memGround) apply(have, want object.ID) ApplyResult {
	g.t.Helper()
	ctx := context.Background()
	r, err := Apply(ctx, ApplyOptions{Mapping: g.m, Steps: Plan(ctx, g.s, have, want), Content: g.s, Store: g.s, Memory: g.rows, Workers: 1})
	g.must(err)
	return r
}

func (g *memGround) count(have, want object.ID) Change {
	g.t.Helper()
	c, err := Count(context.Background(), g.s, g.s, g.m, have, want)
	g.must(err)
	return c
}

// without is what the disk then holds of what it was given.
func (g *memGround) without(want object.ID, r ApplyResult) object.ID {
	g.t.Helper()
	id, err := Without(context.Background(), g.s.Hasher(), g.s, g.s, want, r.Undone)
	g.must(err)
	return id
}

// tree is made of lines "path=text", "path->target" and "path/".
func (g *memGround) tree(lines ...string) object.ID {
	g.t.Helper()
	ctx := context.Background()
	_, b := object.EmptyTree(g.s.Hasher())
	id, err := g.s.Put(ctx, object.KindTree, b)
	g.must(err)
	empty := id
	for _, l := range lines {
		var e object.Entry
		name, text, isFile := strings.Cut(l, "=")
		if p, target, ok := strings.Cut(l, "->"); ok {
			name, e = p, object.Entry{Kind: object.Symlink, Target: target, MTime: 5}
		} else if isFile {
			c, n, err := g.s.WriteFile(ctx, strings.NewReader(text), int64(len(text)))
			g.must(err)
			e = object.Entry{Kind: object.File, Content: c, Size: n, Mode: 0o644, MTime: 5}
		} else {
			name, e = strings.TrimSuffix(l, "/"), object.Entry{Kind: object.Dir, Tree: empty, Mode: 0o755, MTime: 5}
		}
		id, err = object.SetPath(ctx, g.s.Hasher(), g.s, g.s, id, "/"+name, &e)
		g.must(err)
	}
	return id
}

// lines are a tree as tree takes them.
func (g *memGround) lines(tree object.ID) string {
	g.t.Helper()
	var out []string
	for e, err := range object.Walk(context.Background(), g.s, tree) {
		g.must(err)
		l := strings.TrimPrefix(e.Path, "/")
		switch e.Entry.Kind {
		case object.Dir:
			l += "/"
		case object.Symlink:
			l += "->" + e.Entry.Target
		default:
			b := ""
			for x, err := range g.s.Stream(context.Background(), e.Entry.Content, 0) {
				g.must(err)
				b += string(x)
			}
			l += "=" + b
		}
		out = append(out, l)
	}
	return strings.Join(out, " ")
}

func (g *memGround) names(dir string) string {
	g.t.Helper()
	list, err := g.disk.ReadDir(path.Join("docs", dir))
	g.must(err)
	var out []string
	for _, i := range list {
		out = append(out, i.Name)
	}
	return strings.Join(slices.DeleteFunc(out, func(n string) bool { return n == markerName }), " ")
}

func (g *memGround) expect(what, got, want string) {
	g.t.Helper()
	if got != want {
		g.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func problemPaths(list []Problem) string {
	s := ""
	for _, p := range list {
		s += fmt.Sprintf("%s (%s) ", p.Path, p.Reason)
	}
	return strings.TrimSpace(s)
}
