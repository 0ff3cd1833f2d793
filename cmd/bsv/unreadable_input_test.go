package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// An input that cannot be read to its end is called that, whenever it breaks
// off, and nothing of it is stored.
func TestAddOfAnUnreadableInput(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	if _, errs, code := runApp("--home", home, "init", "-q"); code != 0 {
		t.Fatal(errs)
	}
	broken := iotest.ErrReader(errors.New("is a directory"))
	for name, in := range map[string]io.Reader{
		"at once": broken,
		"later":   io.MultiReader(strings.NewReader(strings.Repeat("text", 1<<18)), broken),
	} {
		var out, errs bytes.Buffer
		a := &app{in: in, out: &out, err: &errs, getenv: func(string) string { return "" }}
		code := a.run(context.Background(), []string{"--home", home, "add", "-", "/a.txt"})
		if code != 1 || !strings.HasPrefix(errs.String(), "bsv: what is to be stored as /a.txt cannot be read: is a directory\n") {
			t.Errorf("%s: exit code %d, %s", name, code, errs.String())
		}
		if _, _, code := runApp("--home", home, "ls", "/a.txt"); code != 17 {
			t.Errorf("%s: something of it is stored: %d", name, code)
		}
	}
}
