package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bsvsync/bsv/api"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/node"
)

// random FILE N makes a file of N bytes that do not compress.
func randomCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	for r, i := rand.New(rand.NewPCG(1, 2)), 0; i < n; i++ {
		b[i] = byte(r.Uint32())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

var addrLine = regexp.MustCompile(`(?m)^address +(/ip4/127\.0\.0\.1/tcp/.+/p2p/.+)$`)

// address VAR sets VAR to where the running node listens.
func addressCommand(ts *testscript.TestScript, _ bool, args []string) {
	out, err := bsv(ts, "info").Output()
	ts.Check(err)
	m := addrLine.FindSubmatch(out)
	if m == nil {
		ts.Fatalf("no address in %s", out)
	}
	ts.Setenv(args[0], string(m[1]))
}

// rawmessage CODE gives a message that is no UTF-8.
func rawMessageCommand(ts *testscript.TestScript, _ bool, args []string) {
	argv := []string{"snapshot", "-m", "x\xff"}
	same(ts, argv, args[0], exitCode(ts, ts.Exec("bsv", argv...)))
}

// later DUR serves the home from a node whose clock is ahead, until endnode or
// the script's end.
func laterCommand(ts *testscript.TestScript, _ bool, args []string) {
	ahead, err := time.ParseDuration(args[0])
	ts.Check(err)
	ctx := context.Background()
	h, err := home.Open(ctx, home.Paths{Dir: ts.Getenv("BSV_HOME"), Config: filepath.Join(ts.Getenv("BSV_HOME"), "config.toml")}, home.Options{Command: "bsv node"})
	ts.Check(err)
	n, err := node.Open(ctx, node.Options{Home: h, Now: func() time.Time { return time.Now().Add(ahead) }})
	ts.Check(err)
	path, err := h.SocketPath(ts.Getenv)
	ts.Check(err)
	l, err := api.ListenUnix(path)
	ts.Check(err)
	srv := api.Serve(l, api.Handler(n, api.Options{Local: true}))
	end := sync.OnceValue(func() error {
		_ = srv.Close() // idle connections may linger; the home is closed below
		return errors.Join(n.Close(), h.Close())
	})
	nodes(ts)[ts.Getenv("BSV_HOME")] = end
	ts.Defer(func() { ts.Check(end()) })
}

// unwritable DIR takes the right to write into DIR, and to all in it, from its
// owner. Root, whom no right binds, gives it to the user of usercode first.
func unwritableCommand(ts *testscript.TestScript, _ bool, args []string) {
	top := ts.MkAbs(args[0])
	ts.Defer(func() { // so that it can be removed
		_ = filepath.WalkDir(top, func(p string, _ fs.DirEntry, _ error) error { return os.Chmod(p, 0o700) })
	})
	var all []string
	ts.Check(filepath.WalkDir(top, func(p string, _ fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	}))
	for _, p := range all {
		if os.Getuid() == 0 {
			ts.Check(os.Lchown(p, nobody, nobody))
		}
		fi, err := os.Lstat(p)
		ts.Check(err)
		ts.Check(os.Chmod(p, fi.Mode().Perm()&^0o222))
	}
}

// nobody is the user whom usercode runs as, under root.
const nobody = 65534

// usercode CODE ARG… is code as a user without special rights: this one, or
// nobody when it is root. It keeps the standard error in user.err.
func userCodeCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := bsv(ts, args[1:]...)
	for _, reach := range []string{program(ts), ts.Getenv("BSV_HOME")} {
		for dir := filepath.Dir(reach); dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
			ts.Check(os.Chmod(dir, 0o755)) // the test's own temporary directories
		}
	}
	c.Dir = "/"
	asNobody(c)
	var errs bytes.Buffer
	c.Stderr = &errs
	err := c.Run()
	ts.Check(os.WriteFile(ts.MkAbs("user.err"), errs.Bytes(), 0o644))
	same(ts, args[1:], args[0], exitCode(ts, err))
}

// textFile collects what a command prints.
type textFile struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *textFile) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *textFile) has(s string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Contains(t.b.String(), s)
}

type watchKey struct{}

// watching ARG… runs bsv watch from here on.
func watchingCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := bsv(ts, append([]string{"watch"}, args...)...)
	var errs textFile
	c.Stdout, c.Stderr = ts.Value(watchKey{}).(*textFile), &errs
	running(ts, c, "watch", func() bool { return errs.has("watching") })
}

// seen TEXT waits until bsv watch printed TEXT.
func seenCommand(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.Value(watchKey{}).(*textFile)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if out.has(args[0]) {
			return
		}
	}
	ts.Fatalf("bsv watch never printed %q", args[0])
}
