package object

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	for in, want := range map[string]string{"": "/", "/": "/", "a": "/a", "//a/./b/": "/a/b", "/a\xff\n": "/a\xff\n", "/...": "/..."} {
		if got, err := CleanPath(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"..", "/a/../b", "/a\x00", "/" + strings.Repeat("a", MaxName+1), strings.Repeat("/a", MaxDepth+1), strings.Repeat("/", MaxPath+1)} {
		if _, err := CleanPath(in); !errors.Is(err, ErrName) {
			t.Errorf("%.40q: %v", in, err)
		}
	}
	if _, err := CleanPath(strings.Repeat("/a", MaxDepth)); err != nil {
		t.Error(err)
	}
}

func TestPartsOfAPath(t *testing.T) {
	for path, want := range map[string][2]string{"/": {"/", ""}, "/a": {"/", "a"}, "/a/b": {"/a", "b"}} {
		dir, name := SplitPath(path)
		if dir != want[0] || name != want[1] {
			t.Errorf("%s: %s %s", path, dir, name)
		}
		if name != "" && JoinPath(dir, name) != path {
			t.Errorf("%s does not come back", path)
		}
	}
	if c := Components("/a/b"); !slices.Equal(c, []string{"a", "b"}) || Components("/") != nil {
		t.Error(c)
	}
	for _, c := range []struct {
		path, dir string
		want      bool
	}{{"/a/b", "/a", true}, {"/a", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/a", "/", true}, {"/", "/a", false}} {
		if Within(c.path, c.dir) != c.want {
			t.Errorf("%s within %s", c.path, c.dir)
		}
	}
}

func TestCleanPathTwice(t *testing.T) {
	p := strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 254)+"/", MaxPath/255+1)[:MaxPath], "/")
	c, err := CleanPath(p)
	if err != nil {
		return
	}
	if again, err := CleanPath(c); err != nil || again != c {
		t.Error("a clean path is not clean:", len(c), err)
	}
}
