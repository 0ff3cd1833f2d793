package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bsvsync/bsv/node"
)

// newWatching is a node that watches what it maps, by a real clock.
func newWatching(t *testing.T, config string) *looping {
	l := runLooping(t, config, nil, node.RunOptions{})
	t.Cleanup(l.end)
	l.until(t, "a running node", func() bool {
		st, err := l.Status(context.Background())
		return err == nil && st.Running
	})
	return l
}

func (l *looping) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s", what)
		}
	}
}

func (l *looping) create(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(l.dir, name)), 0o755); err != nil {
		t.Fatal(err)
	}
	l.write(t, name, "text")
}

// seen writes a file and waits until a snapshot holds it.
func (l *looping) seen(t *testing.T, name string) {
	t.Helper()
	l.create(t, name)
	l.until(t, "snapshot with "+name, func() bool { return l.holds(name) })
}

func (l *looping) state(t *testing.T) string {
	t.Helper()
	st, err := l.Status(context.Background())
	if err != nil || len(st.Maps) != 1 {
		t.Fatalf("%+v, %v", st.Maps, err)
	}
	return st.Maps[0].State
}

// What is saved in a directory that was renamed is stored at once, not at the
// next full scan.
func TestNodeSeesBelowRenamed(t *testing.T) {
	t.Parallel()
	l := newWatching(t, "")
	l.seen(t, "photos/2024/1")
	last := "photos"
	for _, name := range []string{"pictures", "images", "photos"} {
		if err := os.Rename(filepath.Join(l.dir, last), filepath.Join(l.dir, name)); err != nil {
			t.Fatal(err)
		}
		l.until(t, "snapshot of the new name", func() bool { return l.holds(name+"/2024/1") && !l.holds(last+"/2024/1") })
		l.seen(t, name+"/2024/in "+name)
		l.seen(t, name+"/in "+name)
		last = name
	}
}

// The mapped directory is renamed, and a copy takes its place.
func TestNodeSeesReplacedRoot(t *testing.T) {
	t.Parallel()
	l := newWatching(t, "")
	l.seen(t, "d/1")
	if err := errors.Join(os.Rename(l.dir, l.dir+".bak"), os.CopyFS(l.dir, os.DirFS(l.dir+".bak"))); err != nil {
		t.Fatal(err)
	}
	l.seen(t, "2")
	l.seen(t, "d/2")
	if s := l.state(t); s != "clean" {
		t.Fatal(s)
	}
}

// A mapped directory that goes away pauses its mapping then, and is watched
// again when it is back.
func TestNodeSeesRootComeBack(t *testing.T) {
	t.Parallel()
	l := newWatching(t, "")
	l.seen(t, "d/1")
	if err := os.Rename(l.dir, l.dir+".away"); err != nil {
		t.Fatal(err)
	}
	l.until(t, "pause", func() bool { return l.state(t) == "paused" })
	if err := os.Rename(l.dir+".away", l.dir); err != nil {
		t.Fatal(err)
	}
	l.seen(t, "d/2")
	l.seen(t, "e/3")
}
