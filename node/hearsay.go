package node

import (
	"log/slog"
	"sync"
	"time"
)

// perMinute is how often a minute the log tells one thing of other devices. How
// often there is something to tell, and of how many devices, is up to them.
const perMinute = 20

// hearsay tells of what other devices do.
type hearsay struct {
	mu    sync.Mutex
	since time.Time
	lines map[string]int // by message, in this minute
}

// warn logs a message, or only for -v when there are too many.
func (h *hearsay) warn(log *slog.Logger, msg string, args ...any) {
	h.mu.Lock()
	if now := time.Now(); h.lines == nil || now.Sub(h.since) >= time.Minute {
		h.since, h.lines = now, map[string]int{}
	}
	h.lines[msg]++
	n := h.lines[msg]
	h.mu.Unlock()
	switch {
	case n < perMinute:
		log.Warn(msg, args...)
	case n == perMinute:
		log.Warn(msg+" (more of it in this minute is told with -v)", args...)
	default:
		log.Debug(msg, args...)
	}
}
