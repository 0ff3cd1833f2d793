package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// logLines writes log records as messages for people: "bsv: what: key value".
type logLines struct {
	level slog.Level
	out   *lockedWriter
	attrs []slog.Attr
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *logLines) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("bsv: ")
	if r.Level < slog.LevelInfo {
		b.WriteString("debug: ")
	}
	b.WriteString(escape(r.Message))
	hint := ""
	each := func(a slog.Attr) bool {
		switch v := a.Value.String(); {
		case v == "":
		case a.Key == "hint":
			hint = v
		default:
			fmt.Fprintf(&b, "; %s: %s", a.Key, escape(v))
		}
		return true
	}
	for _, a := range l.attrs {
		each(a)
	}
	r.Attrs(each)
	b.WriteByte('\n')
	if hint != "" {
		fmt.Fprintf(&b, "bsv: hint: %s\n", escape(hint))
	}
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	_, err := io.WriteString(l.out.w, b.String())
	return err
}

func (l *logLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *l
	n.attrs = append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...)
	return &n
}

// WithGroup: nothing here groups its keys.
func (l *logLines) WithGroup(string) slog.Handler { return l }
