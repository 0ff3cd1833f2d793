package vfs_test

import (
	"errors"
	"io"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
)

// work makes every call once and returns the first error.
func work(fsys vfs.FS) error {
	if err := fsys.MkdirAll("w", 0o755); err != nil {
		return err
	}
	d, err := fsys.OpenDir("w")
	if err != nil {
		return err
	}
	f, err := d.Create("a")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte("x")); err != nil {
		return err
	}
	for _, call := range []func() error{
		f.Sync,
		func() error { return f.Chmod(0o600) },
		func() error { return f.Chtimes(1) },
		func() error { return f.Truncate(1) },
		func() error { _, err := f.Stat(); return err },
		func() error { _, err := f.Seek(0, io.SeekStart); return err },
		func() error { return d.Symlink("a", "l") },
		func() error { _, err := d.Readlink("l"); return err },
		func() error { return d.Mkdir("d", 0o755) },
		func() error { _, err := d.OpenDir("d"); return err },
		func() error { return d.Rename("l", "m") },
		func() error { return d.RenameNew("m", "n") },
		func() error { return d.Exchange("n", "a") },
		func() error { return d.Chmod("n", 0o600) },
		func() error { return d.Chtimes("n", 2) },
		func() error { _, err := d.Names(); return err },
		func() error { _, err := d.Stat(); return err },
		func() error { _, err := d.Lstat("n"); return err },
		func() error { _, err := d.Open("n"); return err },
		func() error { return d.Remove("a") },
		d.Sync, d.SyncAll,
		func() error { return fsys.Rename("w/n", "w/o") },
		func() error { return fsys.Remove("w/o") },
		func() error { return fsys.SyncDir("w") },
	} {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

// Every call can be the one that fails, and none fails otherwise.
func TestFailAtEachCall(t *testing.T) {
	count := &vfs.Fail{FS: vfs.NewMem()}
	if err := work(count); err != nil {
		t.Fatal(err)
	}
	if count.Calls() < 29 {
		t.Fatalf("only %d calls are counted", count.Calls())
	}
	broken := errors.New("broken")
	for n := int64(1); n <= count.Calls()+1; n++ {
		for _, once := range []bool{false, true} {
			err := work(&vfs.Fail{FS: vfs.NewMem(), N: n, Err: broken, Once: once})
			if got := errors.Is(err, broken); got != (n <= count.Calls()) {
				t.Fatalf("call %d of %d: %v", n, count.Calls(), err)
			}
		}
	}
}

// Before sees each call of a tree with its path, and can refuse it.
func TestFailBefore(t *testing.T) {
	refused := errors.New("refused")
	var calls []string
	err := work(&vfs.Fail{FS: vfs.NewMem(), Before: func(op, path string) error {
		calls = append(calls, op+" "+path)
		if op == "exchange" {
			return refused
		}
		return nil
	}})
	if !errors.Is(err, refused) || calls[0] != "opendir w" || calls[1] != "create w/a" || calls[len(calls)-1] != "exchange w/a" {
		t.Fatal(err, calls)
	}
}
