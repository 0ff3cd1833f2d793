package node

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever other devices do, and however many they are, the log grows slowly; it
// tells of it again later, and of other things at once.
func TestLogOfOtherDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		var h hearsay
		log := slog.New(slog.NewTextHandler(&out, nil))
		lines := func() int {
			n := strings.Count(out.String(), "\n")
			out.Reset()
			return n
		}
		for i := range 1000 {
			h.warn(log, "fetch", "peer", i)
		}
		if n := lines(); n != perMinute {
			t.Errorf("%d lines", n)
		}
		h.warn(log, "another")
		time.Sleep(time.Minute)
		h.warn(log, "fetch")
		if n := lines(); n != 2 {
			t.Errorf("%d lines, not 2", n)
		}
	})
}
