package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// A conflict copy is named as every path is, also one that is no UTF-8.
func TestConflictCopiesAreShownAsPaths(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out, getenv: func(string) string { return "" }}
	a.printConflicts(node.ConflictsResult{Conflicts: []node.ConflictInfo{{
		Path:   node.NewPath("/bad\xff"),
		Copies: []string{"b64:" + node.NewPath("/bad\xff.conflict-a").PathB64, "/good.conflict-b"},
	}}})
	for _, want := range []string{`/bad\xff  (`, `the other version: /bad\xff.conflict-a` + "\n", "the other version: /good.conflict-b\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %q", want, out.String())
		}
	}
}
