package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type snapshotResult struct {
	Snapshot string `json:"snapshot"`
	Root     string `json:"root"`
	Files    int    `json:"files"`
	Created  bool   `json:"created"`
}

func (d *device) snapshot() snapshotResult {
	d.t.Helper()
	var r snapshotResult
	d.json(&r, "snapshot")
	return r
}

// rsyncSame compares by content, mode, mtime and links, as a user would.
func rsyncSame(t *testing.T, a, b string) {
	t.Helper()
	out, err := exec.Command("rsync", "-nacO", "--delete", "--exclude=/.bsvmap", "--itemize-changes", a+"/", b+"/").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("rsync -nacO --delete finds a difference between %s and %s: %v\n%s", a, b, err, tail(string(out), 2000))
	}
}

// Go's own source tree: two versions, each restored elsewhere, the second
// time without the index.
func TestRestoreGoSource(t *testing.T) {
	program(t, "rsync")
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	if _, err := os.Stat(src); err != nil {
		t.Skipf("skipped: needs Go's source tree: %v", err)
	}
	d := newDevice(t, "a")
	if err := os.Remove(d.dir); err != nil {
		t.Fatal(err)
	}
	copyTree(t, src, d.dir)
	d.ok("init")
	d.ok("map", "add", "/docs", d.dir)
	one := d.snapshot()
	first := filepath.Join(t.TempDir(), "first")
	copyTree(t, d.dir, first)

	mutate(t, d.dir)
	two := d.snapshot()
	if one.Snapshot == two.Snapshot || !two.Created {
		t.Fatalf("the second snapshot is not a new one: %+v, %+v", one, two)
	}
	if again := d.snapshot(); again.Created || again.Snapshot != two.Snapshot {
		t.Fatalf("a snapshot of nothing changed: %+v", again)
	}
	for _, round := range []string{"with the index", "without the index"} {
		if round == "without the index" {
			if err := os.Remove(filepath.Join(d.home, "index.db")); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range []struct{ id, want string }{{one.Snapshot, first}, {two.Snapshot, d.dir}} {
			to := filepath.Join(t.TempDir(), "to")
			d.ok("restore", v.id+":/docs", "--to", to)
			rsyncSame(t, v.want, to)
			same(t, round, listing(t, v.want), listing(t, to))
		}
	}
}

// mutate changes every hundredth file, removes one, adds one, moves one.
func mutate(t *testing.T, dir string) {
	t.Helper()
	var files []string
	for p, v := range listing(t, dir) {
		if strings.HasPrefix(v, "file") {
			files = append(files, p)
		}
	}
	slices.Sort(files)
	for i := 50; i < len(files); i += 100 {
		p := filepath.Join(dir, files[i])
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		half := len(b) / 2
		b = append(append(bytes.Clone(b[:half]), []byte("changed")...), b[half:]...)
		if err := os.Chmod(p, st.Mode()|0o200); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, st.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, files[0])); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, files[1]), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "added", "new.txt"), "new\n")
}

// Names that break tools: newlines, escape codes, bytes that are no UTF-8,
// both spellings of é, 255 bytes; odd modes and times; links to nowhere.
func TestRestoreHostileNames(t *testing.T) {
	program(t, "rsync")
	d := newDevice(t, "a")
	names := []string{
		"new\nline", "esc\x1b[31mred", "\xff\xfe not utf-8", "caf\u00e9", "cafe\u0301", strings.Repeat("n", 255),
		" leading", "trailing ", "-dash", "..dots", "a\\b", "q\"uote'", "tab\t", "\x7f", "*?[", "con", "a:b", "~", "#", "$HOME", "%00",
	}
	for i, n := range names {
		write(t, filepath.Join(d.dir, n), strings.Repeat(n, i*40))
		write(t, filepath.Join(d.dir, "dir", n, n), n)
	}
	modes := []os.FileMode{0o000, 0o400, 0o111, 0o777, 0o4755, 0o644}
	if os.Getuid() != 0 { // who is not root cannot read his own files of such modes
		modes[0], modes[2] = 0o404, 0o511
	}
	for i, mode := range modes {
		p := filepath.Join(d.dir, "mode", string(rune('a'+i)))
		write(t, p, "m")
		if err := os.Chmod(p, mode&0o777|(mode&0o4000)<<11); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, time.Time{}, time.Unix(int64(i)*1e9-5, 123456789)); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"dangling": "nowhere", "abs": "/etc/passwd", "loop": "loop", "bytes": "\xff\n", "up": "../../.."} {
		if err := os.Symlink(to, filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"empty", "deep/er/than/most"} {
		if err := os.MkdirAll(filepath.Join(d.dir, n), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(d.dir, "empty"), 0o500); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(d.dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sparse.Truncate(10 << 20); err != nil {
		t.Fatal(err)
	}
	sparse.Close()

	d.ok("init")
	d.ok("map", "add", "/docs", d.dir)
	s := d.snapshot()
	to := filepath.Join(t.TempDir(), "to")
	d.ok("restore", s.Snapshot+":/docs", "--to", to)
	rsyncSame(t, d.dir, to)
	same(t, "hostile names", listing(t, d.dir), listing(t, to))
	if st, err := os.Stat(filepath.Join(to, "sparse")); err != nil || st.Size() != 10<<20 {
		t.Fatalf("sparse file: %v, %v", st, err)
	}
	if out := d.ok("ls", "-R", "/docs"); strings.ContainsAny(out, "\x1b\x7f") {
		t.Fatalf("ls prints control characters: %q", out)
	}
}
