package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// An edit of the vault may be interrupted between the vault and the disk: the
// message says what finishes it.
func TestInterruptedEditSaysWhatFinishesIt(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	if _, errs, code := runApp("--home", home, "init", "-q"); code != 0 {
		t.Fatal(errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		args []string
		hint string
	}{
		{[]string{"restore", "latest:/docs"}, "bsv sync"},
		{[]string{"rm", "/docs"}, "bsv sync"},
		{[]string{"mkdir", "/docs"}, "bsv sync"},
		{[]string{"add", dir, "/docs"}, "bsv sync"},
		{[]string{"restore", "latest:/", "--to", filepath.Join(dir, "to")}, "--overwrite changed"},
	} {
		var out, errs bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(string) string { return "" }}
		code := a.run(ctx, append([]string{"--home", home}, c.args...))
		if code != node.Interrupted.Exit() || !strings.Contains(errs.String(), "hint: ") || !strings.Contains(errs.String(), c.hint) {
			t.Errorf("bsv %q: exit code %d, %s", c.args, code, errs.String())
		}
	}
}
