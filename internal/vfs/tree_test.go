package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
)

// systems are the file systems that must behave alike, each with an empty
// directory to work in.
func systems(t *testing.T) map[string]func() (vfs.FS, string) {
	mem := func(wrap func(vfs.FS) vfs.FS) func() (vfs.FS, string) {
		return func() (vfs.FS, string) {
			m := vfs.NewMem()
			if err := m.MkdirAll("w", 0o755); err != nil {
				t.Fatal(err)
			}
			return wrap(m), "w"
		}
	}
	return map[string]func() (vfs.FS, string){
		"real":    func() (vfs.FS, string) { return vfs.OS{}, t.TempDir() },
		"memory":  mem(func(f vfs.FS) vfs.FS { return f }),
		"journal": mem(func(f vfs.FS) vfs.FS { f.(*vfs.Mem).Journal = true; return f }),
		"failing": mem(func(f vfs.FS) vfs.FS { return &vfs.Fail{FS: f} }),
	}
}

// tree is an opened directory with shorter words.
type tree struct {
	vfs.Dir
	t *testing.T
}

func (d tree) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d tree) fails(err, want error) {
	d.t.Helper()
	var pe *fs.PathError
	if !errors.Is(err, want) || !errors.As(err, &pe) {
		d.t.Fatalf("got %v (%T), want a path error of %v", err, err, want)
	}
}

func (d tree) put(name, text string) {
	d.t.Helper()
	f, err := d.Create(name)
	d.must(err)
	_, err = f.Write([]byte(text))
	d.must(errors.Join(err, f.Sync(), f.Close()))
}

func (d tree) text(name string) string {
	d.t.Helper()
	f, err := d.Open(name)
	d.must(err)
	b, err := io.ReadAll(f)
	d.must(errors.Join(err, f.Close()))
	return string(b)
}

func (d tree) stat(name string) vfs.Stat {
	d.t.Helper()
	st, err := d.Lstat(name)
	d.must(err)
	return st
}

func (d tree) names() []string {
	d.t.Helper()
	names, err := d.Names()
	d.must(err)
	slices.Sort(names)
	return names
}

// What a Dir promises holds for every file system.
func TestTreesBehaveAlike(t *testing.T) {
	for name, begin := range systems(t) {
		for what, check := range treeChecks {
			t.Run(name+"/"+what, func(t *testing.T) {
				fsys, at := begin()
				d, err := fsys.OpenDir(at)
				if err != nil {
					t.Fatal(err)
				}
				check(tree{d, t})
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

var treeChecks = map[string]func(tree){
	"files": func(d tree) {
		d.put("a", "one")
		if got := d.text("a"); got != "one" {
			d.t.Fatal(got)
		}
		_, err := d.Create("a")
		d.fails(err, fs.ErrExist)
		_, err = d.Open("b")
		d.fails(err, fs.ErrNotExist)
		_, err = d.Lstat("b")
		d.fails(err, fs.ErrNotExist)
		d.fails(d.Remove("b"), fs.ErrNotExist)
		st := d.stat("a")
		if !st.IsRegular() || st.IsDir() || st.Size != 3 || st.Mode != 0o600 && runtime.GOOS != "windows" {
			d.t.Fatalf("%+v", st)
		}
		d.must(d.Remove("a"))
		if got := d.names(); len(got) != 0 {
			d.t.Fatal(got)
		}
	},
	"handles": func(d tree) {
		f, err := d.Create("a")
		d.must(err)
		_, err = f.Write([]byte("abc"))
		d.must(err)
		_, err = f.Seek(3, io.SeekCurrent)
		d.must(err)
		_, err = f.Write([]byte("xyz"))
		d.must(err)
		d.must(f.Truncate(8))
		d.must(f.Chmod(0o640))
		d.must(f.Chtimes(1_234_567_890_123_456_700))
		st, err := f.Stat()
		d.must(err)
		d.must(errors.Join(f.Sync(), f.Close()))
		if got := d.text("a"); got != "abc\x00\x00\x00xy" {
			d.t.Fatalf("%q", got)
		}
		now := d.stat("a")
		if !now.Is(st) || now.MTime != 1_234_567_890_123_456_700 || now.Mode != 0o640 && runtime.GOOS != "windows" {
			d.t.Fatalf("%+v, by handle %+v", now, st)
		}
		r, err := d.Open("a")
		d.must(err)
		b := make([]byte, 2)
		for _, want := range []string{"ab", "ab"} {
			_, err = io.ReadFull(r, b)
			d.must(err)
			if string(b) != want {
				d.t.Fatalf("%q", b)
			}
			_, err = r.Seek(0, io.SeekStart)
			d.must(err)
		}
		d.must(r.Close())
	},
	"directories": func(d tree) {
		d.must(d.Mkdir("d", 0o755))
		d.fails(d.Mkdir("d", 0o755), fs.ErrExist)
		x, err := d.OpenDir("d")
		d.must(err)
		sub := tree{x, d.t}
		sub.put("a", "one")
		if got := sub.names(); !slices.Equal(got, []string{"a"}) {
			d.t.Fatal(got)
		}
		sub.put("b", "two")
		if got := sub.names(); !slices.Equal(got, []string{"a", "b"}) {
			d.t.Fatal("a second look: ", got)
		}
		if err := d.Remove("d"); err == nil {
			d.t.Fatal("a full directory goes")
		}
		self, err := sub.Stat()
		d.must(err)
		if st := d.stat("d"); !st.IsDir() || !st.Is(self) || st.Mode != 0o755 && runtime.GOOS != "windows" {
			d.t.Fatalf("%+v", st)
		}
		if !sub.Writable() {
			d.t.Fatal("not writable")
		}
		d.must(errors.Join(sub.Remove("a"), sub.Remove("b"), sub.Sync(), sub.SyncAll(), sub.Close(), d.Remove("d")))
		d.put("f", "")
		_, err = d.OpenDir("f")
		d.fails(err, vfs.ErrNotDir)
		_, err = d.OpenDir("none")
		d.fails(err, fs.ErrNotExist)
	},
	"modes": func(d tree) {
		if runtime.GOOS == "windows" {
			d.t.Skip("Windows has other permissions")
		}
		d.must(d.Mkdir("d", 0o777)) // whatever the umask takes
		d.put("a", "")
		for _, mode := range []uint16{0o777, 0o500, 0, 0o4755} {
			d.must(d.Chmod("a", mode))
			if st := d.stat("a"); st.Mode != mode {
				d.t.Fatalf("%o: %+v", mode, st)
			}
		}
		if st := d.stat("d"); st.Mode != 0o777 {
			d.t.Fatalf("%+v", st)
		}
		before := d.stat("d")
		d.must(d.Chmod("d", 0))
		if st := d.stat("d"); st.Mode != 0 || st.CTime < before.CTime {
			d.t.Fatalf("%+v, before %+v", st, before)
		}
	},
	"times": func(d tree) {
		d.put("a", "")
		d.must(d.Mkdir("d", 0o755))
		for _, name := range []string{"a", "d"} {
			for _, ns := range []int64{0, 1, 1_600_000_000_000_000_300} {
				if runtime.GOOS == "windows" {
					ns -= ns % 100
				}
				d.must(d.Chtimes(name, ns))
				if st := d.stat(name); st.MTime != ns {
					d.t.Fatalf("%s: %d, want %d", name, st.MTime, ns)
				}
			}
		}
	},
	"links": func(d tree) {
		if runtime.GOOS == "windows" {
			d.t.Skip("links need a privilege on Windows")
		}
		d.must(d.Mkdir("d", 0o755))
		d.put("a", "one")
		long := strings.Repeat("x/", 600)
		for name, target := range map[string]string{"to-d": "d", "to-a": "a", "out": "..", "long": long, "loop": "loop"} {
			d.must(d.Symlink(target, name))
			if got, err := d.Readlink(name); err != nil || got != target {
				d.t.Fatal(got, err)
			}
			if st := d.stat(name); st.Type != fs.ModeSymlink || st.Size != int64(len(target)) {
				d.t.Fatalf("%+v", st)
			}
			_, err := d.OpenDir(name)
			d.fails(err, vfs.ErrNotDir)
			_, err = d.Open(name)
			d.fails(err, vfs.ErrNotFile)
			if _, err := d.Create(name); !errors.Is(err, fs.ErrExist) {
				d.t.Fatal(err)
			}
			d.must(d.Chtimes(name, 77))
			if st := d.stat(name); st.MTime != 77 {
				d.t.Fatalf("%+v", st)
			}
			before := d.stat("a")
			_ = d.Chmod(name, 0) // an error, or the link's own mode
			if st := d.stat("a"); st.Mode != before.Mode || st.MTime != before.MTime {
				d.t.Fatalf("%s was followed: %+v", name, st)
			}
			d.must(d.Remove(name))
		}
		_, err := d.Readlink("a")
		if err == nil {
			d.t.Fatal("a file is read as a link")
		}
		d.fails(d.Symlink("x", "a"), fs.ErrExist)
	},
	"renames": func(d tree) {
		d.put("a", "one")
		d.put("b", "two")
		st := d.stat("a")
		d.fails(d.RenameNew("a", "b"), fs.ErrExist)
		d.fails(d.RenameNew("none", "c"), fs.ErrNotExist)
		d.must(d.RenameNew("a", "c"))
		if got := d.stat("c"); !got.Is(st) || got.MTime != st.MTime {
			d.t.Fatalf("%+v, was %+v", got, st)
		}
		d.must(d.Rename("c", "b"))
		if got := d.names(); !slices.Equal(got, []string{"b"}) || d.text("b") != "one" {
			d.t.Fatal(got, d.text("b"))
		}
		d.fails(d.Rename("none", "b"), fs.ErrNotExist)
		d.must(d.Mkdir("d", 0o755))
		if err := d.Rename("b", "d"); err == nil {
			d.t.Fatal("a file replaces a directory")
		}
	},
	"exchange": func(d tree) {
		d.put("a", "one")
		d.must(d.Mkdir("d", 0o755))
		err := d.Exchange("a", "d")
		if errors.Is(err, errors.ErrUnsupported) {
			d.t.Skip("no exchange here: ", err)
		}
		d.must(err)
		if !d.stat("a").IsDir() || d.text("d") != "one" {
			d.t.Fatal("not swapped")
		}
		d.fails(d.Exchange("a", "none"), fs.ErrNotExist)
		d.fails(d.Exchange("none", "a"), fs.ErrNotExist)
	},
	"names": func(d tree) {
		for _, bad := range []string{"", ".", "..", "a/b", "/", "a\x00"} {
			_, err := d.Lstat(bad)
			d.fails(err, fs.ErrInvalid)
			_, err = d.OpenDir(bad)
			d.fails(err, fs.ErrInvalid)
			_, err = d.Create(bad)
			d.fails(err, fs.ErrInvalid)
			d.put("ok", "")
			for _, err := range []error{d.Remove(bad), d.Mkdir(bad, 0o755), d.Symlink("x", bad), d.Rename("ok", bad), d.Rename(bad, "ok"),
				d.RenameNew("ok", bad), d.Exchange("ok", bad), d.Chmod(bad, 0o600), d.Chtimes(bad, 1)} {
				d.fails(err, fs.ErrInvalid)
			}
			d.must(d.Remove("ok"))
		}
		if runtime.GOOS == "windows" {
			return
		}
		odd := []string{strings.Repeat("n", 255), "a\nb", "\x1b[2J", "\xff\xfe", "e\u0301", "\u00e9", "a\\b", "CON", "x."}
		if runtime.GOOS == "darwin" {
			odd = odd[:3]
		}
		for _, name := range odd {
			d.put(name, name)
			if d.text(name) != name {
				d.t.Fatalf("%q", name)
			}
		}
		slices.Sort(odd)
		if got := d.names(); !slices.Equal(got, odd) {
			d.t.Fatalf("%q", got)
		}
	},
}

// A pipe is never opened, so nothing waits for its writer.
func TestPipeIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := mkfifo(filepath.Join(dir, "p")); err != nil {
		t.Skip("no pipes here: ", err)
	}
	m := vfs.NewMem()
	if err := m.Mkfifo("p"); err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]vfs.FS{dir: vfs.OS{}, "/": m} {
		d, err := fsys.OpenDir(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open("p"); !errors.Is(err, vfs.ErrNotFile) {
			t.Error(err)
		}
		if st, err := d.Lstat("p"); err != nil || st.Type != fs.ModeNamedPipe {
			t.Error(st, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// OpenDir of a whole path goes through links, and tells what is no directory.
func TestOpenDirByPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("d", filepath.Join(dir, "l")); err != nil {
		t.Skip("no links here: ", err)
	}
	for name, want := range map[string]error{"d": nil, "l": nil, "f": vfs.ErrNotDir, "none": fs.ErrNotExist} {
		d, err := vfs.OS{}.OpenDir(filepath.Join(dir, name))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && d.Close() != nil {
			t.Error("close")
		}
	}
}

func TestNoSpace(t *testing.T) {
	for err, want := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EIO: false, nil: false} {
		if got := vfs.NoSpace(&fs.PathError{Op: "write", Path: "x", Err: err}); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
