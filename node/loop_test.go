package node_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/node"
)

// looping is a node that runs its loop without watching, under a clock that
// only waits move.
type looping struct {
	*node.Node
	dir  string
	fail *vfs.Fail
	end  func()
}

func newLooping(t *testing.T) *looping { return newLoopingWith(t, nil) }

func newLoopingWith(t *testing.T, log *slog.Logger) *looping {
	l := runLooping(t, "", log, node.RunOptions{NoWatch: true})
	time.Sleep(time.Second)
	return l
}

func runLooping(t *testing.T, config string, log *slog.Logger, o node.RunOptions) *looping {
	ctx, cancel := context.WithCancel(t.Context())
	tmp := t.TempDir()
	if err := os.WriteFile(filepath.Join(tmp, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	l := &looping{dir: filepath.Join(tmp, "docs"), fail: &vfs.Fail{FS: vfs.OS{}, Err: os.ErrPermission}}
	if l.Node, err = node.Open(ctx, node.Options{Home: h, FS: l.fail, Log: log}); err != nil {
		t.Fatal(err)
	}
	l.write(t, "a", "1")
	if _, err := l.Init(ctx, node.InitRequest{Words: testSecret().Words(), Dirs: []string{l.dir}}); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx, o) }()
	l.end = func() {
		cancel()
		if err := errors.Join(<-ran, l.Close(), h.Close()); err != nil {
			t.Error(err)
		}
	}
	return l
}

func (l *looping) write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(l.dir, 0o755), os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func (l *looping) holds(name string) bool {
	_, err := l.Ls(context.Background(), node.ShowRequest{Ref: "/docs/" + name})
	return err == nil
}

// A disk that goes away deletes nothing; when it is back, its changes are
// stored within seconds, not at the next full scan.
func TestLoopSeesADiskComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooping(t)
		defer l.end()
		away := l.dir + ".away"
		if err := os.Rename(l.dir, away); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute) // a full scan
		st, err := l.Status(context.Background())
		if err != nil || len(st.Maps) != 1 || st.Maps[0].State != "paused" || !l.holds("a") {
			t.Fatalf("%+v, %v", st.Maps, err)
		}
		if err := os.Rename(away, l.dir); err != nil {
			t.Fatal(err)
		}
		l.write(t, "b", "2")
		time.Sleep(6 * time.Second)
		if !l.holds("a") || !l.holds("b") {
			t.Fatal("the disk is back and its change is in no snapshot")
		}
	})
}

// A turn that fails is tried again soon.
func TestLoopRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooping(t)
		defer l.end()
		l.write(t, "b", "2")
		l.fail.Cut()
		time.Sleep(10*time.Minute + 10*time.Second) // a full scan
		if l.holds("b") {
			t.Fatal("nothing can be written, and a snapshot was made")
		}
		l.fail.Mend()
		time.Sleep(31 * time.Second)
		if !l.holds("b") {
			t.Fatal("the change is in no snapshot")
		}
	})
}
