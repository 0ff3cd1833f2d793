package merge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// COPY(path,content) in a wanted tree stands for the name of a conflict copy.
func (w *world) expand(s string) string {
	for {
		i := strings.Index(s, "COPY(")
		if i < 0 {
			return s
		}
		j := i + strings.IndexByte(s[i:], ')')
		path, content, _ := strings.Cut(s[i+len("COPY("):j], ",")
		s = s[:i] + w.copyName(path, content) + s[j+1:]
	}
}

func TestRules(t *testing.T) {
	none := flat{}
	for _, c := range []struct {
		rule               string
		base, ours, theirs flat
		want               string
		conflicts, notices int
	}{
		{"1 nothing anywhere", none, none, none, "", 0, 0},
		{"1 same on both sides", flat{"/a": file("0", 1)}, flat{"/a": file("1", 2)}, flat{"/a": file("1", 2)}, "/a=1@2", 0, 0},
		{"1 one side changed", flat{"/a": file("0", 1), "/b": file("b", 1)}, flat{"/a": file("1", 2), "/b": file("b", 1)}, flat{"/a": file("0", 1), "/b": file("b", 1)}, "/a=1@2 /b=b@1", 0, 0},
		{"1 one side added, the other deleted", flat{"/a": file("0", 1)}, flat{"/a": file("0", 1), "/b": file("b", 1)}, none, "/b=b@1", 0, 0},
		{"1 deleted on both sides", flat{"/a": file("0", 1), "/b": file("b", 1)}, flat{"/b": file("b", 1)}, flat{"/b": file("b", 1)}, "/b=b@1", 0, 0},
		{"2 content, the later wins", flat{"/a.txt": file("0", 1)}, flat{"/a.txt": file("1", 3)}, flat{"/a.txt": file("2", 2)}, "COPY(/a.txt,2)=2@2 /a.txt=1@3", 1, 0},
		{"2 content without a base", none, flat{"/a.txt": file("1", 3)}, flat{"/a.txt": file("2", 2)}, "COPY(/a.txt,2)=2@2 /a.txt=1@3", 1, 0},
		{"2 two links", flat{"/l": link("0", 1)}, flat{"/l": link("1", 3)}, flat{"/l": link("2", 2)}, "/l->1 COPY(/l,2)->2", 1, 0},
		{"3 delete against change", flat{"/a": file("0", 1)}, none, flat{"/a": file("1", 2)}, "/a=1@2", 0, 1},
		{"3 delete against touch", flat{"/a": file("0", 1)}, none, flat{"/a": file("0", 9)}, "", 0, 0},
		{"3 delete against another kind", flat{"/a": file("0", 1)}, none, flat{"/a": link("x", 1)}, "/a->x", 0, 1},
		{"4 only what changed inside stays", flat{"/d/a": file("0", 1), "/d/e/b": file("b", 1), "/d/f/c": file("c", 1)}, none,
			flat{"/d/a": file("1", 2), "/d/e/b": file("b", 1), "/d/f/c": file("c", 1), "/d/f/n": file("n", 1)}, "/d/ /d/a=1@2 /d/f/ /d/f/n=n@1", 0, 3},
		{"4 deletes inside change nothing", flat{"/d/a": file("0", 1), "/d/b": file("b", 1)}, none, flat{"/d/a": file("0", 1)}, "", 0, 0},
		{"4 touched inside is deleted", flat{"/d/a": file("0", 1)}, none, flat{"/d/a": file("0", 5)}, "", 0, 0},
		{"4 chmod of the directory is deleted", flat{"/d/a": file("0", 1)}, none, flat{"/d": dir(0o700, 3), "/d/a": file("0", 1)}, "", 0, 0},
		{"5 directory over file", none, flat{"/a/x": file("x", 1)}, flat{"/a": file("1", 9)}, "/a/ COPY(/a,1)=1@9 /a/x=x@1", 1, 0},
		{"5 file over link", none, flat{"/a": link("x", 9)}, flat{"/a": file("1", 1)}, "/a=1@1 COPY(/a,x)->x", 1, 0},
		{"5 directory over link", none, flat{"/a": link("x", 9)}, flat{"/a/x": file("1", 1)}, "/a/ COPY(/a,x)->x /a/x=1@1", 1, 0},
		{"5 one side left the kind", flat{"/a": file("0", 1)}, flat{"/a/x": file("x", 1)}, flat{"/a": file("0", 7)}, "/a/ /a/x=x@1", 0, 0},
		{"5 a file for a directory that changed inside", flat{"/a/x": file("x", 1), "/a/y": file("y", 1)}, flat{"/a": file("1", 1)}, flat{"/a/x": file("2", 2), "/a/y": file("y", 1)},
			"/a/ COPY(/a,1)=1@1 /a/x=2@2", 1, 2},
		{"5 a file for a directory that lost something", flat{"/a/x": file("x", 1), "/a/y": file("y", 1)}, flat{"/a": file("1", 1)}, flat{"/a/y": file("y", 1)}, "/a=1@1", 0, 0},
		{"5 two new directories merge", none, flat{"/d/a": file("a", 1)}, flat{"/d/b": file("b", 1)}, "/d/ /d/a=a@1 /d/b=b@1", 0, 0},
		{"6 touched on both sides", flat{"/a": file("0", 1)}, flat{"/a": file("0", 5)}, flat{"/a": file("0", 7)}, "/a=0@7", 0, 0},
		{"6 touch back on one side", flat{"/a": file("0", 5)}, flat{"/a": file("0", 1)}, flat{"/a": file("0", 5)}, "/a=0@1", 0, 0},
		{"6 time follows the content", flat{"/a": file("0", 5)}, flat{"/a": file("1", 4)}, flat{"/a": file("0", 9)}, "/a=1@4", 0, 0},
		{"9 a copy of what the other side replaced goes", flat{"/a": file("0", 1)}, flat{"/a": file("1", 3), "COPY(/a,0)": file("0", 1)}, flat{"/a": file("1", 3)}, "/a=1@3", 0, 0},
		{"9 ... and of what it deleted", flat{"/a": file("0", 1)}, flat{"/a": file("0", 1), "COPY(/a,0)": file("0", 1)}, none, "", 0, 0},
		{"9 ... also below a directory that it deleted", flat{"/d/a": file("0", 1), "/d/b": file("b", 1)}, flat{"/d/a": file("1", 3), "/d/COPY": file("0", 1), "/d/b": file("b", 1)}, none, "/d/ /d/a=1@3", 0, 2},
		{"9 a content that the other side added elsewhere stays", flat{"/a": file("0", 1)}, flat{"/a": file("0", 1), "COPY(/a,0)": file("0", 1)}, flat{"/a": file("1", 3), "/b": file("0", 3)}, "/a=1@3 COPY(/a,0)=0@1 /b=0@3", 0, 0},
		{"9 ... also when it added it below the directory in question", flat{"/d/a": file("0", 1)}, flat{"/d/a": file("1", 3), "/d/COPY": file("0", 1), "/q": file("q", 1)}, flat{"/e": file("0", 3)}, "/d/ /d/a=1@3 COPY(/d/a,0)=0@1 /e=0@3 /q=q@1", 0, 2},
		{"9 a copy of another content stays", flat{"/a": file("0", 1)}, flat{"/a": file("0", 1), "COPY(/a,9)": file("9", 1)}, flat{"/a": file("1", 3)}, "/a=1@3 COPY(/a,9)=9@1", 0, 0},
		{"9 a copy stays while the other side has the version", flat{"/a": file("0", 1), "/z": file("z", 1)}, flat{"/a": file("1", 1), "COPY(/a,0)": file("0", 1), "/z": file("z", 1)}, flat{"/a": file("0", 1)}, "/a=1@1 COPY(/a,0)=0@1", 0, 0},
		{"9 the other side holds the copy's name with other content", flat{"/a": file("0", 1)}, flat{"/a": file("1", 3), "COPY(/a,0)": file("0", 1)}, flat{"/a": file("1", 3), "COPY(/a,0)": file("edited", 2)}, "/a=1@3 COPY(/a,0)=edited@2", 0, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newWorld(t)
			in := func(f flat) object.ID {
				x := flat{}
				for p, e := range f {
					if p == "/d/COPY" {
						p = "COPY(/d/a,0)"
					}
					x[w.expand(p)] = e
				}
				return w.tree(x)
			}
			r := w.three(in(c.base), in(c.ours), in(c.theirs))
			if got, want := w.flat(r.Root), w.expand(c.want); !sameWords(got.String(), want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if len(r.Conflicts) != c.conflicts || len(r.Notices) != c.notices {
				t.Errorf("%d conflicts, %d notices; want %d and %d: %v", len(r.Conflicts), len(r.Notices), c.conflicts, c.notices, r.Notices)
			}
		})
	}
}

// sameWords compares without the order, which the hash in a copy's name sets.
func sameWords(a, b string) bool {
	count := map[string]int{}
	for _, f := range strings.Fields(a) {
		count[f]++
	}
	for _, f := range strings.Fields(b) {
		count[f]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func withMode(e object.Entry, mode uint16) object.Entry {
	e.Mode = mode
	return e
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		name               string
		base, ours, theirs flat
		path               string
		want               uint16
	}{
		{"bits from both sides", flat{"/a": withMode(file("0", 1), 0o644)}, flat{"/a": withMode(file("0", 1), 0o744)}, flat{"/a": withMode(file("0", 1), 0o640)}, "/a", 0o740},
		{"bits of one side, content of the other", flat{"/a": withMode(file("0", 1), 0o644)}, flat{"/a": withMode(file("0", 1), 0o755)}, flat{"/a": withMode(file("1", 2), 0o644)}, "/a", 0o755},
		{"no base: the later", nil, flat{"/a": withMode(file("0", 1), 0o777)}, flat{"/a": withMode(file("0", 2), 0o600)}, "/a", 0o600},
		{"no base, same time: the larger", nil, flat{"/a": withMode(file("0", 1), 0o600)}, flat{"/a": withMode(file("0", 1), 0o640)}, "/a", 0o640},
		{"no base, other content: the winner's", nil, flat{"/a": withMode(file("0", 5), 0o600)}, flat{"/a": withMode(file("1", 1), 0o777)}, "/a", 0o600},
		{"directories without a base: what both allow", nil, flat{"/d": dir(0o750, 1), "/d/a": file("a", 1)}, flat{"/d": dir(0o705, 1)}, "/d", 0o700},
		{"directories with a base", flat{"/d": dir(0o755, 1)}, flat{"/d": dir(0o750, 1), "/d/a": file("a", 1)}, flat{"/d": dir(0o1755, 1), "/d/b": file("b", 1)}, "/d", 0o1750},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			r := w.three(w.tree(c.base), w.tree(c.ours), w.tree(c.theirs))
			if got := w.flat(r.Root)[c.path].Mode; got != c.want {
				t.Errorf("mode %o, want %o", got, c.want)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name               string
		base, ours, theirs flat
		path               string
		want               int64
	}{
		{"set back by one, chmod by the other", flat{"/a": file("0", 5)}, flat{"/a": file("0", 1)}, flat{"/a": withMode(file("0", 5), 0o600)}, "/a", 1},
		{"set by both: the later", flat{"/a": file("0", 5)}, flat{"/a": file("0", 1)}, flat{"/a": file("0", 3)}, "/a", 3},
		{"the same new content: the later", flat{"/a": file("0", 1)}, flat{"/a": file("1", 4)}, flat{"/a": file("1", 3)}, "/a", 4},
		{"directory set back by one, changed inside by the other", flat{"/d": dir(0o755, 5)}, flat{"/d": dir(0o755, 1)}, flat{"/d": dir(0o755, 5), "/d/x": file("x", 1)}, "/d", 1},
		{"directory: the later of two", flat{"/d": dir(0o755, 5)}, flat{"/d": dir(0o755, 7), "/d/y": file("y", 1)}, flat{"/d": dir(0o755, 6), "/d/x": file("x", 1)}, "/d", 7},
		{"a copy that is there already, older", nil, flat{"/a": file("0", 7), "COPY(/a,0)": file("0", 1)}, flat{"/a": file("1", 9), "COPY(/a,0)": file("0", 1)}, "COPY(/a,0)", 7},
		{"a copy that is there already, younger", nil, flat{"/a": file("0", 7), "COPY(/a,0)": file("0", 8)}, flat{"/a": file("1", 9), "COPY(/a,0)": file("0", 8)}, "COPY(/a,0)", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			in := func(f flat) object.ID {
				x := flat{}
				for p, e := range f {
					x[w.expand(p)] = e
				}
				return w.tree(x)
			}
			got := w.flat(w.three(in(c.base), in(c.ours), in(c.theirs)).Root)
			if e, ok := got[w.expand(c.path)]; !ok || e.MTime != c.want {
				t.Errorf("time %d, want %d: %v", e.MTime, c.want, got)
			}
		})
	}
}

// attrs puts extended attributes ("name=value") into an entry, as a scan does.
func (w *world) attrs(e object.Entry, list ...string) object.Entry {
	w.t.Helper()
	var x []object.Xattr
	for _, s := range list {
		name, value, _ := strings.Cut(s, "=")
		x = append(x, object.Xattr{Name: name, Value: value})
	}
	b, err := object.EncodeXattrs(x)
	w.must(err)
	if len(b) <= object.XattrsInline {
		e.Xattrs = object.Content{Inline: string(b)}
		return e
	}
	id, err := w.store.Put(w.ctx, object.KindChunk, b)
	w.must(err)
	e.Xattrs = object.Content{Kind: object.KindChunk, ID: id}
	return e
}

func (w *world) readAttrs(e object.Entry) string {
	w.t.Helper()
	b := []byte(e.Xattrs.Inline)
	if e.Xattrs.Kind == object.KindChunk {
		var err error
		b, err = w.store.Get(w.ctx, e.Xattrs.ID)
		w.must(err)
	}
	list, err := object.DecodeXattrs(b)
	w.must(err)
	var out []string
	for _, x := range list {
		out = append(out, x.Name+"="+x.Value)
	}
	return strings.Join(out, " ")
}

func TestAttributesPerKey(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name               string
		base, ours, theirs []string
		noBase             bool
		want               string
	}{
		{"each side its own key", []string{"a=0", "b=0"}, []string{"a=1", "b=0"}, []string{"a=0", "b=2"}, false, "a=1 b=2"},
		{"added on both", nil, []string{"a=1"}, []string{"b=2"}, false, "a=1 b=2"},
		{"removed on one, kept on the other", []string{"a=0", "b=0"}, []string{"b=0"}, []string{"a=0", "b=0", "c=1"}, false, "b=0 c=1"},
		{"all removed", []string{"a=0", "b=0"}, []string{"b=0"}, []string{"a=0"}, false, ""},
		{"removed against changed", []string{"a=0"}, nil, []string{"a=1"}, false, "a=1"},
		{"one key on both sides: the larger", []string{"a=0"}, []string{"a=1"}, []string{"a=2"}, false, "a=2"},
		{"without a base", nil, []string{"a=1", "b=1"}, []string{"a=2", "c=1"}, true, "a=2 b=1 c=1"},
		{"linked", []string{"a=0"}, []string{"a=" + long}, []string{"a=0", "b=1"}, false, "a=" + long + " b=1"},
		{"linked after the merge only", nil, []string{"a=" + long[:200]}, []string{"b=" + long[:200]}, false, "a=" + long[:200] + " b=" + long[:200]},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			base := w.tree(nil)
			if !c.noBase {
				base = w.tree(flat{"/a": w.attrs(file("0", 1), c.base...)})
			}
			r := w.three(base, w.tree(flat{"/a": w.attrs(file("0", 1), c.ours...)}), w.tree(flat{"/a": w.attrs(file("0", 1), c.theirs...)}))
			if got := w.readAttrs(w.flat(r.Root)["/a"]); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAttributesThatAreAway(t *testing.T) {
	w := newWorld(t)
	away := file("0", 1)
	away.Xattrs = object.Content{Kind: object.KindChunk, ID: object.ID{9}}
	_, err := merge.Three(w.ctx, w.env(), w.tree(flat{"/a": file("0", 1)}), w.tree(flat{"/a": away}), w.tree(flat{"/a": w.attrs(file("0", 1), "a=1")}))
	if !errors.Is(err, object.ErrMissing) {
		t.Errorf("got %v, want %v: metadata are never guessed", err, object.ErrMissing)
	}
}

// Attributes that nothing can read, or too many of them, are one value: they
// must not stop a merge.
func TestAttributesThatCannotBeMerged(t *testing.T) {
	w := newWorld(t)
	broken := file("0", 1)
	id, err := w.store.Put(w.ctx, object.KindChunk, []byte("\xff")) // an entry holds no such set, but may point at one
	if err != nil {
		t.Fatal(err)
	}
	broken.Xattrs = object.Content{Kind: object.KindChunk, ID: id}
	good := w.attrs(file("0", 1), "a=1")
	base := w.tree(flat{"/a": file("0", 1)})
	if got := w.flat(w.three(base, w.tree(flat{"/a": broken}), w.tree(flat{"/a": good})).Root)["/a"].Xattrs; got != good.Xattrs {
		t.Errorf("unreadable: got %+v", got)
	}
	big := func(name string) object.Entry {
		return w.attrs(file("0", 1), name+"="+strings.Repeat("x", object.MaxXattrs-100))
	}
	a, b := big("a"), big("b")
	if got := w.flat(w.three(base, w.tree(flat{"/a": a}), w.tree(flat{"/a": b})).Root)["/a"].Xattrs; got != a.Xattrs && got != b.Xattrs {
		t.Errorf("too many: got %+v", got)
	}
}

func TestCopyNameTakenByOtherContent(t *testing.T) {
	w := newWorld(t)
	digest := w.hash.Sum(object.KindChunk, []byte("lost"))
	ours, theirs := flat{"/r.txt": file("won", 9)}, flat{"/r.txt": file("lost", 1)}
	taken := map[string]bool{}
	for i := range 6 {
		name := merge.CopyName("r.txt", digest, func(n string) bool { return taken[n] })
		if taken[name] {
			t.Fatalf("%q was taken", name)
		}
		if orig, ok := merge.Original(name); !ok || orig != "r.txt" {
			t.Errorf("original of %q: %q, %v", name, orig, ok)
		}
		r := w.three(object.ID{}, w.tree(ours), w.tree(theirs))
		got := w.flat(r.Root)
		if e := got["/"+name]; e.Content.Inline != "lost" {
			t.Fatalf("%d names taken: %q holds %q in %v", i, name, e.Content.Inline, got)
		}
		for n := range taken {
			if got["/"+n].Content.Inline != "mine "+n {
				t.Fatalf("%d names taken: %q was overwritten", i, n)
			}
		}
		taken[name] = true
		ours["/"+name], theirs["/"+name] = file("mine "+name, 1), file("mine "+name, 1)
	}
}

func TestVersionBeyond(t *testing.T) {
	w := newWorld(t)
	env := w.env()
	env.Version = merge.Version + 1
	if _, err := merge.Three(w.ctx, env, object.ID{}, object.ID{}, object.ID{}); !errors.Is(err, merge.ErrVersion) {
		t.Errorf("three: %v", err)
	}
	two := []object.ID{w.snapshot(1, 1, w.tree(flat{"/a": file("1", 1)}), nil), w.snapshot(2, 2, w.tree(flat{"/b": file("2", 2)}), nil)}
	if _, err := merge.State(w.ctx, env, two[:1]); err != nil {
		t.Errorf("one head needs no rules: %v", err)
	}
	if _, err := merge.State(w.ctx, env, two); !errors.Is(err, merge.ErrVersion) {
		t.Errorf("state: %v", err)
	}
	env.Version = merge.Version
	if _, err := merge.State(w.ctx, env, two); err != nil {
		t.Errorf("version %d: %v", env.Version, err)
	}
}
