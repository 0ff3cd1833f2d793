package worktree

import (
	"testing"
	"time"

	"github.com/bsvsync/bsv/internal/vfs"
)

// A file that changed within the clock's granularity of its scan is not
// trusted. Whole seconds in a file's own time, as archives have them, say
// nothing about the clock: the system's time does.
func TestTrust(t *testing.T) {
	const s = int64(time.Second)
	at := time.Unix(1000, 0)
	for _, c := range []struct {
		what         string
		mtime, ctime int64
		trusted      bool
	}{
		{"long ago", 900 * s, 900*s + 5, true},
		{"just now", 900 * s, 1000*s - int64(time.Millisecond), false},
		{"an old time given half a second ago", 900 * s, 1000*s - s/2, true},
		{"a coarse clock, a second ago", 999 * s, 999 * s, false},
		{"a coarse clock, three seconds ago", 997 * s, 997 * s, true},
		{"no clock at all", 999 * s, 0, false},
	} {
		r := statOf("a", vfs.Stat{MTime: c.mtime, CTime: c.ctime}, at)
		if got := r.ctime != -1; got != c.trusted {
			t.Errorf("%s: trusted %t", c.what, got)
		}
	}
}
