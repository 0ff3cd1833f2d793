package dir_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
)

// backends are the directory over each file system.
func backends(t *testing.T) map[string]*dir.Backend {
	return map[string]*dir.Backend{
		"real":   dir.New(vfs.OS{}, filepath.Join(t.TempDir(), "repo"), "dev", nil),
		"memory": dir.New(vfs.NewMem(), "/repo", "dev", nil),
	}
}

func names(t *testing.T, b cas.Backend, in string) []string {
	t.Helper()
	var out []string
	for f, err := range b.List(in) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

func TestBackend(t *testing.T) {
	for what, b := range backends(t) {
		t.Run(what, func(t *testing.T) {
			if got := names(t, b, "packs"); len(got) != 0 {
				t.Fatalf("a directory that is not there holds %v", got)
			}
			if _, err := b.Read("vault", 0, -1); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("read of nothing: %v", err)
			}
			if _, err := b.Size("vault"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("size of nothing: %v", err)
			}
			if err := b.Remove("vault"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("remove of nothing: %v", err)
			}
			for _, name := range []string{"vault", "packs/meta/ab/1.pack", "packs/data/ab/2.pack"} {
				if err := b.Write(name, []byte("one "), nil, []byte("two")); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Write("vault", []byte("again, longer than before")); err != nil { // a name may be written over
				t.Fatal(err)
			}
			for _, c := range []struct {
				name string
				off  int64
				n    int
				want string
			}{
				{"vault", 0, -1, "again, longer than before"}, {"packs/meta/ab/1.pack", 0, -1, "one two"}, {"packs/meta/ab/1.pack", 4, 3, "two"},
				{"packs/meta/ab/1.pack", 4, -1, "two"}, {"packs/meta/ab/1.pack", 7, -1, ""}, {"packs/meta/ab/1.pack", 2, 0, ""},
			} {
				if got, err := b.Read(c.name, c.off, c.n); err != nil || !bytes.Equal(got, []byte(c.want)) {
					t.Errorf("%d bytes of %s from %d: %q, %v", c.n, c.name, c.off, got, err)
				}
			}
			for _, c := range [][2]int64{{5, 3}, {-1, 2}, {100, 1}} {
				if _, err := b.Read("packs/meta/ab/1.pack", c[0], int(c[1])); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%d bytes from %d: %v", c[1], c[0], err)
				}
			}
			if got := names(t, b, "packs"); !slices.Equal(got, []string{"packs/data/ab/2.pack", "packs/meta/ab/1.pack"}) {
				t.Fatalf("%v", got)
			}
			if err := b.Rename("packs/meta/ab/1.pack", "trash/1/1.pack"); err != nil {
				t.Fatal(err)
			}
			if n, err := b.Size("trash/1/1.pack"); n != 7 || err != nil {
				t.Fatal(n, err)
			}
			if err := b.Remove("trash/1/1.pack"); err != nil {
				t.Fatal(err)
			}
			if got := names(t, b, "packs"); !slices.Equal(got, []string{"packs/data/ab/2.pack"}) {
				t.Fatalf("%v", got)
			}
		})
	}
}

// Temporary files are never listed; only the writer that made them removes
// them.
func TestSweepRemovesOwnTemporaries(t *testing.T) {
	root := t.TempDir()
	b := dir.New(vfs.OS{}, root, "dev", nil)
	if err := b.Write("packs/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"y.tmp-dev-7", "y.tmp-other-7"} {
		if err := os.WriteFile(filepath.Join(root, "packs", n), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, b, "packs"); !slices.Equal(got, []string{"packs/x"}) {
		t.Fatalf("%v", got)
	}
	if err := b.Sweep(); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(filepath.Join(root, "packs"))
	if err != nil || len(list) != 2 || list[0].Name() != "x" || list[1].Name() != "y.tmp-other-7" {
		t.Fatalf("%v, %v", list, err)
	}
}
