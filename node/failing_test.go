package node_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
)

func warned(st node.Status, text string) (node.Warning, bool) {
	for _, w := range st.Warnings {
		if strings.Contains(w.Text, text) {
			return w, true
		}
	}
	return node.Warning{}, false
}

// What the loop fails with is in the status until a turn that sees all of it
// succeeds.
func TestStatusTellsWhatTheLoopFailsWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		l := newLooping(t)
		defer l.end()
		l.fail.Err = &os.PathError{Op: "write", Path: "/h/bsv/repo/packs/x.pack", Err: syscall.ENOSPC}
		l.write(t, "b", "2")
		l.fail.Cut()
		time.Sleep(10*time.Minute + 10*time.Second) // a full scan
		st, err := l.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Failing) != 1 || st.Failing[0].Work != "snapshot" || st.Failing[0].Kind != node.NoSpace {
			t.Errorf("failing: %+v", st.Failing)
		}
		if w, ok := warned(st, "the disk of /h/bsv is full"); !ok || !strings.Contains(w.Command, "free some space") {
			t.Errorf("warnings: %+v", st.Warnings)
		}
		if m := st.Maps[0]; m.State != "failing" || !strings.Contains(m.Reason, "the disk of /h/bsv is full") {
			t.Errorf("%+v", m)
		}
		l.fail.Mend()
		time.Sleep(31 * time.Second)
		if st, err = l.Status(ctx); err != nil || len(st.Failing)+len(st.Warnings) != 0 || st.Maps[0].State != "clean" {
			t.Errorf("%+v, %v", st, err)
		}
	})
}
