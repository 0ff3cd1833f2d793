package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/event"
)

func progressEvent(files, bytes uint64, path string) event.Event {
	return event.Event{Kind: event.Progress, Operation: "snapshot", Files: files, TotalFiles: 100, Bytes: bytes, TotalBytes: 10 << 20, Path: path}
}

func TestBar(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		name  string
		width int
		e     event.Event
		want  string
	}{
		{"totals", 120, progressEvent(50, 5<<20, "/docs/a"), "snapshot  [##########..........]  50%  50 of 100 files, 5.0 MiB of 10 MiB, 1.0 MiB/s, 5s left  /docs/a"},
		{"narrow", 80, progressEvent(50, 5<<20, "/docs/directory/file.txt"), "snapshot  [#####.....]  50%  5.0 MiB of 10 MiB, 1.0 MiB/s, 5s left  …y/file.txt"},
		{"very narrow", 20, progressEvent(50, 5<<20, "/docs/a"), "snapshot  [#####..."},
		{"no totals", 80, event.Event{Kind: event.Progress, Operation: "sync", Files: 2, Bytes: 5 << 20, Path: "/x"}, "sync  2 files, 5.0 MiB, 1.0 MiB/s  /x"},
		{"more than foreseen", 80, progressEvent(101, 11<<20, "/x"), "snapshot  101 files, 11 MiB, 2.2 MiB/s  /x"},
		{"files alone", 80, event.Event{Kind: event.Progress, Operation: "restore", Files: 3, TotalFiles: 4, Path: "/x"}, "restore  [#######...]  75%  0 B, 0 B/s, 2s left  /x"},
		{"wide characters", 60, event.Event{Kind: event.Progress, Operation: "sync", Files: 2, Bytes: 5 << 20, Path: "/日本語ディレクトリ/日本語ファイル.txt"}, "sync  2 files, 5.0 MiB, 1.0 MiB/s  …トリ/日本語ファイル.txt"},
		{"escapes", 80, event.Event{Kind: event.Progress, Operation: "add", Files: 1, Path: "/a\x1b[31m\nb"}, `add  1 file, 0 B, 0 B/s  /a\u001b[31m\nb`},
	} {
		m := &shower{width: c.width}
		m.take(event.Event{Kind: event.Progress, Operation: c.e.Operation}, start)
		m.take(c.e, start.Add(time.Second))
		m.take(event.Event{Kind: event.Notice, Files: 99}, start)
		got := m.bar(start.Add(5 * time.Second))
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		if n := cells(got); n >= c.width {
			t.Errorf("%s: %d characters do not fit into %d columns", c.name, n, c.width)
		}
	}
}

// Without a terminal there is a line every 30 seconds, also while one large
// file takes long; and none before there is something to tell.
func TestPlainLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &shower{width: 80}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			m.run(ctx, &out, "plain")
			close(done)
		}()
		time.Sleep(31 * time.Second)
		m.take(progressEvent(0, 0, "/a"), time.Now())
		m.take(progressEvent(10, 1<<20, "/a"), time.Now())
		time.Sleep(60 * time.Second)
		cancel()
		<-done
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "bsv: snapshot: 10%, 10 of 100 files, 1.0 MiB of 10 MiB, ") || !strings.HasSuffix(lines[1], " left") {
			t.Errorf("got %q", lines)
		}
	})
}

// The line of a terminal is wiped when the work ends.
func TestBarIsWiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &shower{width: 80}
		ctx, cancel := context.WithCancel(context.Background())
		m.take(progressEvent(1, 1, "/a"), time.Now())
		done := make(chan struct{})
		go func() {
			m.run(ctx, &out, "bar")
			close(done)
		}()
		time.Sleep(250 * time.Millisecond)
		cancel()
		<-done
		if n := strings.Count(out.String(), "snapshot"); n != 2 || !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Errorf("drawn %d times: %q", n, out.String())
		}
	})
}

func TestLanes(t *testing.T) {
	var g lanes
	var text strings.Builder
	for _, s := range []struct {
		id      string
		parents []string
	}{{"m", []string{"a", "b"}}, {"b", []string{"r"}}, {"a", []string{"r"}}, {"r", nil}} {
		at, joins := g.step(s.id, s.parents)
		text.WriteString(at + s.id + "\n")
		if joins != "" {
			text.WriteString(joins + "\n")
		}
	}
	want := "* m\n|\\ \n| * b\n* | a\n|/\n* r\n"
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}
