package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bsvsync/bsv/home"
)

// A process that has just taken the lock has not named itself yet: a command
// waits until it knows who that is, and for a node until it answers.
func TestWaitsForAnOwnerWithoutName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	env := func(name string) string { return map[string]string{"BSV_HOME": dir, "HOME": t.TempDir()}[name] }
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		a := &app{in: &bytes.Buffer{}, out: &out, err: &errs, getenv: env}
		code := a.run(context.Background(), args)
		return code, errs.String()
	}
	if code, text := run("init"); code != 0 {
		t.Fatalf("%d: %s", code, text)
	}
	h, err := home.Open(context.Background(), home.Paths{Dir: dir, Config: filepath.Join(dir, "config.toml")}, home.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "lock"), 0); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(500*time.Millisecond, func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if code, text := run("status"); code != 0 {
		t.Fatalf("%d: %s", code, text)
	}
}
