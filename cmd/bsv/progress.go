package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/bsvsync/bsv/internal/event"
)

// progress shows what a long operation does until the returned function is
// called.
func (a *app) progress(ctx context.Context, s *session) func() {
	mode := a.flags.progress
	if mode == "auto" {
		switch {
		case a.flags.quiet:
			mode = "none"
		case isTerminal(a.err) && !a.flags.json:
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
	p := &shower{a: a, mode: mode, began: time.Now(), last: time.Now()}
	ready := make(chan struct{})
	wg.Go(func() {
		err := s.Events(ctx, ready, func(e event.Event) bool {
			p.take(e)
			return true
		})
		if err != nil && ctx.Err() == nil {
			a.say("progress is not available: %v", err)
		}
	})
	<-ready
	return func() {
		cancel()
		wg.Wait()
		if mode == "bar" && p.drawn {
			fmt.Fprint(a.err, "\r\x1b[K")
		}
	}
}

// shower draws events: a line that is drawn again, a plain line every 30
// seconds, or JSON.
type shower struct {
	a            *app
	mode         string
	began, last  time.Time
	files, bytes uint64
	drawn        bool
}

func (p *shower) take(e event.Event) {
	if p.mode == "json" {
		if b, err := json.Marshal(e); err == nil {
			fmt.Fprintf(p.a.err, "%s\n", b)
		}
		return
	}
	if e.Kind != event.Progress {
		return
	}
	p.files += e.Files
	p.bytes += e.Bytes
	every := 30 * time.Second
	if p.mode == "bar" {
		every = 100 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	rate := float64(p.bytes) / max(time.Since(p.began).Seconds(), 0.001)
	line := fmt.Sprintf("%s: %s, %s, %s/s", e.Operation, count(p.files, "file"), size(p.bytes), size(uint64(rate)))
	if p.mode == "bar" {
		p.drawn = true
		path := escape(e.Path)
		if len(path) > 40 {
			path = "…" + path[len(path)-39:]
		}
		fmt.Fprintf(p.a.err, "\r\x1b[K%s  %s", line, path)
		return
	}
	fmt.Fprintf(p.a.err, "bsv: %s\n", line)
}
