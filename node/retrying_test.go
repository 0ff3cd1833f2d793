package node

import "testing"

// A save that succeeds after one that failed has all of it tried at once, and
// not over and over while that fails.
func TestRetrying(t *testing.T) {
	var a retrying
	for i, c := range []struct{ ok, all, timer, want bool }{
		{ok: true, all: true},
		{ok: true},
		{ok: false}, // the disk is full
		{ok: false},
		{ok: true, want: true}, // something small fits
		{ok: false, all: true},
		{ok: true}, // what is large does not: now the timer's turn
		{ok: true},
		{ok: false, all: true, timer: true},
		{ok: true, want: true},
		{ok: true, all: true}, // there is space
		{ok: true},
		{ok: false, all: true},
		{ok: true, want: true},
	} {
		if c.timer {
			a.tried = false
		}
		if got := a.after(c.ok, c.all); got != c.want {
			t.Fatalf("step %d: %v", i, got)
		}
	}
}
