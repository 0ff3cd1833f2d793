package node_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/object"
)

// lines collects a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// What a running node cannot read is in its log, once, and in the status until
// it can be read again.
func TestLoopTellsWhatItCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		out := &lines{}
		l := newLoopingWith(t, slog.New(slog.NewTextHandler(out, nil)))
		defer l.end()
		// Deeper than the vault goes: even root is told of that.
		bad := filepath.Join(l.dir, "bad", strings.Repeat("d/", object.MaxDepth))
		if err := os.MkdirAll(bad, 0o755); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(11 * time.Minute) // a full scan
		}
		if n := out.count("/docs/bad/d/"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		st, err := l.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m := st.Maps[0]; m.State != "unread" || !strings.Contains(m.Reason, "1 path could not be read: /docs/bad/d/") {
			t.Errorf("%+v", m)
		}
		if len(st.Warnings) == 0 || !strings.Contains(st.Warnings[0].Text, "/docs/bad") || !strings.Contains(st.Warnings[0].Command, "bsv snapshot /docs") {
			t.Errorf("%+v", st.Warnings)
		}
		if err := os.RemoveAll(filepath.Join(l.dir, "bad")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute)
		if st, err = l.Status(ctx); err != nil || st.Maps[0].State != "clean" || len(st.Warnings) != 0 {
			t.Errorf("%+v, %v, %v", st.Maps, st.Warnings, err)
		}
	})
}
