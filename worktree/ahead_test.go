package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bsvsync/bsv/internal/vfs"
)

type rows map[string][]byte

func (r rows) Row(_, dir string) ([]byte, error) { return r[dir], nil }

// Ahead foresees what a scan reads: what is ignored or cached does not count.
func TestAhead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "123", "sub/b": "45678", "sub/c.tmp": "ignored", ".bsvignore": "*.tmp\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	m := Mapping{Path: "/docs", Dir: dir, Unmarked: true}
	memory := rows{}
	check := func(files, bytes uint64) {
		t.Helper()
		f, b, err := Ahead(context.Background(), ScanOptions{Mapping: m, Memory: memory})
		if err != nil || f != files || b != bytes {
			t.Errorf("%d files, %d bytes, %v; want %d and %d", f, b, err, files, bytes)
		}
	}
	check(4, 3+5+6+1) // a, b, .bsvignore and the link
	d, err := vfs.OS{}.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	st, err := d.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	n := statOf("a", st, time.Unix(0, st.MTime).Add(10*time.Second))
	memory[""] = (&row{names: []rowName{n}}).encode()
	check(3, 5+6+1)
	memory[""] = []byte("damaged")
	check(4, 3+5+6+1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Ahead(ctx, ScanOptions{Mapping: m, Memory: memory}); err == nil {
		t.Error("an ended context ends nothing")
	}
}
