package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bsvsync/bsv/proto"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bsv": func() { os.Exit(run(os.Args[1:])) }})
}

// The scripts of testdata/script are a person at a terminal. Each runs in two
// modes: every command opens the home by itself, and a node is running.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"alone", "node"} {
		t.Run(mode, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script",
				Setup: func(e *testscript.Env) error {
					e.Setenv("BSV_HOME", filepath.Join(e.WorkDir, "home"))
					e.Setenv("HOME", e.WorkDir)
					e.Setenv("MODE", mode)
					e.Setenv("EXPIRED", proto.NewTicket([32]byte{1}, [16]byte{2}, "full", time.Now().Add(-time.Hour), nil).String())
					return nil
				},
				Condition: func(cond string) (bool, error) {
					if cond != "root" {
						return false, fmt.Errorf("unknown condition %q", cond)
					}
					return os.Getuid() == 0, nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"home": homeCommand, "code": codeCommand, "started": startedCommand},
			})
		})
	}
	fmt.Printf("%d scripts × 2 modes\n", len(files))
}

// home makes a home that maps docs, an empty directory; in node mode a node
// runs from then on.
func homeCommand(ts *testscript.TestScript, neg bool, _ []string) {
	ts.Check(os.MkdirAll(ts.MkAbs("docs"), 0o755))
	ts.Check(ts.Exec("bsv", "init", "-q", ts.MkAbs("docs")))
	if ts.Getenv("MODE") == "node" {
		start(ts)
	}
}

// started runs a node in both modes.
func startedCommand(ts *testscript.TestScript, neg bool, _ []string) {
	if ts.Getenv("MODE") != "node" {
		start(ts)
	}
}

func start(ts *testscript.TestScript) {
	self, err := exec.LookPath("bsv")
	if p := filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "bsv"); err != nil {
		self = p
	}
	cmd := exec.Command(self, "node", "--no-watch", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	cmd.Env = append(os.Environ(), "BSV_HOME="+ts.Getenv("BSV_HOME"), "HOME="+ts.Getenv("HOME"))
	cmd.Stderr = os.Stderr
	if !testing.Verbose() {
		cmd.Stderr = nil
	}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			ts.Logf("node: %v", err)
		}
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(ts.Getenv("BSV_HOME"), "bsv.sock")); err != nil {
			continue
		}
		q := exec.Command(self, "--json", "status")
		q.Env = cmd.Env
		if out, err := q.Output(); err == nil && strings.Contains(string(out), `"running":true`) { // its first scan is over
			return
		}
	}
	ts.Fatalf("the node does not start")
}

// code runs bsv and compares its exit code.
func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("bsv", args[1:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("bsv %v: exit code %d, want %d", args[1:], got, want)
	}
}
