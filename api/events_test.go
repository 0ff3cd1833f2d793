package api

import (
	"net/http"
	"testing"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/node"
)

// A stream that breaks off, or is ended by a node that stops, says that the node ended, and not what a reader of
// HTTP calls it.
func TestEventsOfANodeThatEnds(t *testing.T) {
	t.Run("broken off", func(t *testing.T) { eventsThatEnd(t, func() { panic(http.ErrAbortHandler) }) })
	t.Run("stopped", func(t *testing.T) { eventsThatEnd(t, func() {}) })
}

func eventsThatEnd(t *testing.T, end func()) {
	m := NewMemory()
	srv := Serve(m, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		end()
	}))
	c := NewClient(m.Dial)
	t.Cleanup(func() {
		c.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	err := c.Events(t.Context(), nil, func(event.Event) bool { return true })
	if e := node.Explain(err); e == nil || e.Msg != "the node ended" || e.Hint == "" || e.Kind != node.Failed {
		t.Errorf("it ends with %v", err)
	}
}
