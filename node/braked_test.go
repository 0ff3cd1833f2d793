package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/internal/event"
)

// The loop logs why a mapping waits, and how to refuse it, when that is new.
func TestTheLoopTellsWhatWaitsOnce(t *testing.T) {
	var out bytes.Buffer
	w := waiting{verdict: verdict{files: 60, of: 61}, who: "nas", back: "bsv restore abcd:/docs"}
	n := &Node{log: slog.New(slog.NewTextHandler(&out, nil)), Bus: &event.Bus{}, brake: map[string]waiting{"/docs": w}}
	for range 3 {
		n.tellBraked([]string{"/docs"})
	}
	w.files = 61
	n.brake["/docs"] = w
	n.tellBraked([]string{"/docs"})
	n.tellBraked(nil)
	n.tellBraked([]string{"/docs"})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "/docs waits: nas deleted 60 of 61 files") || !strings.Contains(lines[0], "refuse it: bsv restore abcd:/docs") {
		t.Errorf("%q", lines)
	}
}

func TestWhatTheHistoryDoesNotTell(t *testing.T) {
	w := waiting{verdict: verdict{turned: true, files: 1, of: 1}}
	if got := w.why(); got != "another device replaced about 1 of 1 file by what cannot be compressed, as encryption does; nothing was replaced here" {
		t.Error(got)
	}
	if got := w.choice("/a b"); !strings.Contains(got, "refuse it: bsv log '/a b' names the snapshots") {
		t.Error(got)
	}
}
