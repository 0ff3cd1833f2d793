package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/bsvsync/bsv/internal/event"
)

// How often progress is told: on a terminal, and as plain lines.
const (
	barEvery   = 100 * time.Millisecond
	plainEvery = 30 * time.Second
	// lateEvents is how long events of an operation that has ended may take.
	lateEvents = 2 * time.Second
)

// progress shows what a long operation does until the returned function is
// called.
func (a *app) progress(ctx context.Context, s *session) func() {
	mode := a.flags.progress
	if mode == "auto" {
		switch {
		case a.flags.quiet:
			mode = "none"
		case isTerminal(a.err) && a.getenv("TERM") != "dumb":
			mode = "bar"
		default:
			mode = "plain"
		}
	}
	if mode == "none" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	m := &shower{width: terminalWidth(a.err)}
	ready, more := make(chan struct{}), make(chan struct{}, 1)
	var seen atomic.Uint64
	wg.Go(func() {
		err := s.Events(ctx, ready, func(e event.Event) bool {
			if mode == "json" {
				if b, err := json.Marshal(e); err == nil {
					fmt.Fprintf(a.err, "%s\n", b)
				}
				seen.Store(e.Seq)
				select {
				case more <- struct{}{}:
				default:
				}
				return true
			}
			m.take(e, time.Now())
			return true
		})
		if err != nil && ctx.Err() == nil {
			a.say("progress is not available: %v", err)
		}
	})
	<-ready
	if mode != "json" {
		wg.Go(func() { m.run(ctx, a.err, mode) })
	}
	return func() {
		if mode == "json" { // all events of the operation are part of what was asked for
			late := time.After(lateEvents)
			for missing := true; missing && seen.Load() < s.Newest(); {
				select {
				case <-more:
				case <-ctx.Done():
					missing = false
				case <-late:
					missing = false
				}
			}
		}
		cancel()
		wg.Wait()
	}
}

func terminalWidth(w any) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// shower turns events into a line: a bar that is drawn again and again, or
// plain text.
type shower struct {
	width int

	mu    sync.Mutex
	last  event.Event // the newest of the operation
	began time.Time
}

// take remembers an event.
func (m *shower) take(e event.Event, now time.Time) {
	if e.Kind != event.Progress {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Operation != m.last.Operation || e.Files < m.last.Files {
		m.began = now
	}
	m.last = e
}

// run draws until ctx ends.
func (m *shower) run(ctx context.Context, w io.Writer, mode string) {
	every := plainEvery
	if mode == "bar" {
		every = barEvery
	}
	t := time.NewTicker(every)
	defer t.Stop()
	drawn := false
	for {
		select {
		case <-ctx.Done():
			if drawn && mode == "bar" {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return
		case now := <-t.C:
			if mode == "plain" {
				if line := m.plain(now); line != "" {
					fmt.Fprintf(w, "bsv: %s\n", line)
				}
			} else if line := m.bar(now); line != "" {
				drawn = true
				fmt.Fprintf(w, "\r\x1b[K%s", line)
			}
		}
	}
}

// plain is the line of a log.
func (m *shower) plain(now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.last
	if e.Operation == "" {
		return ""
	}
	line := e.Operation + ": "
	if p, ok := part(e); ok {
		line += fmt.Sprintf("%.0f%%, ", p*100)
	}
	return line + files(e) + ", " + m.speed(now)
}

// barCells is the length of the bar, wide the width of a terminal that has
// room for the number of files, too.
const (
	barCells = 20
	wide     = 110
)

// bar is the line of a terminal: the bar when the totals are known, amounts,
// rate, the time that is left, and the current file as far as it fits.
func (m *shower) bar(now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.last
	if e.Operation == "" {
		return ""
	}
	line := e.Operation + "  "
	length := barCells
	if m.width < wide {
		length /= 2
	}
	p, known := part(e)
	if known {
		full := int(p * float64(length))
		line += fmt.Sprintf("[%s%s] %3.0f%%  ", strings.Repeat("#", full), strings.Repeat(".", length-full), p*100)
	}
	if m.width >= wide || !known {
		line += files(e) + ", "
	}
	line = cutEnd(line+m.speed(now), m.width-1)
	if left := m.width - 1 - cells(line) - 2; left >= 8 {
		line += "  " + cutBegin(escape(e.Path), left)
	}
	return line
}

func files(e event.Event) string {
	if e.TotalFiles >= e.Files && e.TotalFiles > 0 {
		return humanize.Comma(int64(e.Files)) + " of " + count(e.TotalFiles, "file")
	}
	return count(e.Files, "file")
}

// speed is the bytes done, the rate, and the time that is left.
func (m *shower) speed(now time.Time) string {
	e := m.last
	seconds := max(now.Sub(m.began).Seconds(), 0.1)
	text := size(e.Bytes)
	if e.TotalBytes >= e.Bytes && e.TotalBytes > 0 {
		text += " of " + size(e.TotalBytes)
	}
	text += fmt.Sprintf(", %s/s", size(uint64(float64(e.Bytes)/seconds)))
	if p, ok := part(e); ok && p > 0 && seconds >= 1 {
		text += ", " + (time.Duration(seconds * (1 - p) / p * float64(time.Second))).Round(time.Second).String() + " left"
	}
	return text
}

// part is how much of the work is done; ok is false when nobody knows.
func part(e event.Event) (p float64, ok bool) {
	switch {
	case e.TotalBytes > 0 && e.Bytes <= e.TotalBytes:
		return float64(e.Bytes) / float64(e.TotalBytes), true
	case e.TotalBytes == 0 && e.TotalFiles > 0 && e.Files <= e.TotalFiles:
		return float64(e.Files) / float64(e.TotalFiles), true
	}
	return 0, false
}
