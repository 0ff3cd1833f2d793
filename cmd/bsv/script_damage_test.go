package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// homeFile is a file of the home and what it holds.
func homeFile(ts *testscript.TestScript, name string) (path string, b []byte) {
	path = filepath.Join(ts.Getenv("BSV_HOME"), name)
	b, err := os.ReadFile(path)
	ts.Check(err)
	return path, b
}

// eachpage FILE ARG… runs bsv with one page of a file of the home zeroed, for
// each page, and with the file cut at many places. It succeeds each time.
func eachPageCommand(ts *testscript.TestScript, _ bool, args []string) {
	path, whole := homeFile(ts, args[0])
	try := func(what string, at int, b []byte) {
		ts.Check(os.WriteFile(path, b, 0o600))
		// A file that is damaged within a tick of the clock may seem to be as it was closed.
		if err := os.Remove(path + ".whole"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			ts.Fatalf("%v", err)
		}
		c := bsv(ts, args[1:]...)
		if out, err := c.CombinedOutput(); err != nil {
			ts.Fatalf("%s %s %d: bsv %q: %v\n%s", args[0], what, at, args[1:], err, out)
		}
	}
	page := os.Getpagesize()
	for at := 0; at < len(whole); at += page {
		b := bytes.Clone(whole)
		clear(b[at:min(at+page, len(b))])
		try("with a zeroed page at", at, b)
	}
	for percent := 5; percent < 100; percent += 10 {
		at := len(whole) * percent / 100
		try("cut at", at, whole[:at])
	}
	ts.Check(os.WriteFile(path, whole, 0o600))
}

// cutfile FILE PERCENT cuts a file of the home.
func cutFileCommand(ts *testscript.TestScript, _ bool, args []string) {
	path, b := homeFile(ts, args[0])
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(path, b[:len(b)*n/100], 0o600))
}

// flip PATTERN BYTE flips a bit of files of the home.
func flipCommand(ts *testscript.TestScript, _ bool, args []string) {
	paths, err := filepath.Glob(filepath.Join(ts.Getenv("BSV_HOME"), filepath.FromSlash(args[0])))
	ts.Check(err)
	if len(paths) == 0 {
		ts.Fatalf("no %s", args[0])
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	for _, path := range paths {
		_, b := homeFile(ts, strings.TrimPrefix(path, ts.Getenv("BSV_HOME")))
		b[at] ^= 1
		ts.Check(os.WriteFile(path, b, 0o600))
	}
}
