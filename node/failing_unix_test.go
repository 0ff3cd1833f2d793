//go:build linux || darwin

package node_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node/memnet"
)

// What an apply could not write is named in the status until it could, and the
// log does not take it for what could not be read.
func TestStatusTellsWhatWasNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		out := &lines{}
		b.close()
		b.log = slog.New(slog.NewTextHandler(out, nil))
		b.open()
		b.start()
		quiet(5 * time.Second)
		// No program replaces a pipe.
		in := filepath.Join(b.dir, "f")
		if err := syscall.Mkfifo(in, 0o600); err != nil {
			t.Skip(err)
		}
		a.write("f", "of a")
		a.write("g", "of a")
		a.save()
		quiet(5 * time.Second)
		if g, err := os.ReadFile(filepath.Join(b.dir, "g")); err != nil || string(g) != "of a" {
			t.Errorf("the others wait for it: %v", err)
		}
		st := b.status()
		if m := st.Maps[0]; m.State != "unapplied" || !strings.Contains(m.Reason, "1 path could not be written: /docs/f: ") || st.Unapplied != 1 {
			t.Errorf("%d, %+v", st.Unapplied, m)
		}
		if w, ok := warned(st, "/docs/f"); !ok || !strings.Contains(w.Command, "bsv sync") {
			t.Errorf("%+v", st.Warnings)
		}
		if out.count("/docs/f: ") != 1 || out.count("cannot be written stays as it is") != 1 || out.count("keeps its last version") != 0 {
			t.Errorf("the log: %s", &out.b)
		}
		if err := os.Remove(in); err != nil {
			t.Fatal(err)
		}
		a.write("h", "of a")
		a.save()
		quiet(5 * time.Second)
		if st := b.status(); st.Unapplied != 0 || st.Maps[0].State != "clean" || len(st.Warnings) != 0 || b.files()["f"] != "of a" {
			t.Errorf("%+v, %+v", st.Maps, st.Warnings)
		}
	})
}
