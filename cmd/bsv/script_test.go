package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	early := regexp.MustCompile(`(?m)^(\[[^]]*\] )*stop\b`)
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || early.Match(b) {
			t.Errorf("%s passes at testscript's stop, whatever follows (%v); a node ends with endnode", f, err)
		}
	}
	for _, mode := range []string{"alone", "node"} {
		t.Run(mode, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script",
				Setup: func(e *testscript.Env) error {
					e.Setenv("BSV_HOME", filepath.Join(e.WorkDir, "home"))
					e.Setenv("HOME", e.WorkDir)
					e.Setenv("MODE", mode)
					e.Setenv("BSV_LISTEN", "/ip4/127.0.0.1/tcp/0")
					e.Setenv("BSV_NO_MDNS", "1")
					e.Values[nodesKey{}] = map[string]func() error{}
					e.Values[watchKey{}] = &textFile{}
					e.Setenv("EXPIRED", proto.NewTicket([32]byte{1}, [16]byte{2}, "full", time.Now().Add(-time.Hour), nil).String())
					return nil
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "root":
						return os.Getuid() == 0, nil
					case "node":
						return mode == "node", nil
					case "smalldisk":
						return canMount(), nil
					case "devfull":
						_, err := os.Stat("/dev/full")
						return err == nil, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: commands,
			})
		})
	}
	fmt.Printf("%d scripts × 2 modes\n", len(files))
}
