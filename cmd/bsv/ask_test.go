package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/node"
)

func TestAsk(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "yes\n": true, " Y \n": true, "n\n": false, "\n": false, "": false, "yes please\n": false, "y": true} {
		a := &app{in: strings.NewReader(answer), err: io.Discard}
		if got, err := a.ask(context.Background(), "really?"); err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
	var out bytes.Buffer
	a := &app{in: strings.NewReader("n\n"), err: &out, flags: flags{yes: true}}
	if got, err := a.ask(context.Background(), "really?"); err != nil || !got || out.Len() > 0 {
		t.Errorf("-y: %v, %v, %q", got, err, &out)
	}
}

// What two screens show only a person can compare: -y is no answer.
func TestCompare(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "n\n": false, "\n": false} {
		a := &app{in: strings.NewReader(answer), err: io.Discard, flags: flags{yes: true}}
		if got, err := a.compare(context.Background(), "really?"); err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
	a := &app{in: strings.NewReader(""), err: io.Discard, flags: flags{yes: true}}
	if got, err := a.compare(context.Background(), "really?"); got || node.Explain(err).Kind != node.Usage {
		t.Errorf("no answer: %v, %v", got, err)
	}
}

// A person who is asked can go away.
func TestAskIsInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a := &app{in: r, err: io.Discard}
	if _, err := a.ask(ctx, "really?"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// screen is a terminal, or not.
type screen struct {
	bytes.Buffer
	terminal bool
}

func (s *screen) isTerminal() bool { return s.terminal }

// Joining over a vault of the device's own asks at a terminal; elsewhere it is
// refused with the flag that consents.
func TestJoinAsksAtATerminal(t *testing.T) {
	over := &node.Error{Kind: node.Usage, Msg: "a vault of its own", Hint: node.Consent}
	for _, c := range []struct {
		name, answer string
		terminal     bool
		calls        int
		ok           bool
	}{
		{"yes", "y\n", true, 2, true},
		{"no", "n\n", true, 1, false},
		{"no terminal", "y\n", false, 1, false},
	} {
		in, errs := &screen{terminal: c.terminal}, &screen{terminal: c.terminal}
		in.WriteString(c.answer)
		a := &app{in: in, err: errs}
		calls := 0
		_, err := consented(context.Background(), a, func(yes bool) (string, error) {
			if calls++; yes {
				return "joined", nil
			}
			return "", over
		})
		if calls != c.calls || (err == nil) != c.ok || c.terminal != strings.Contains(errs.String(), "is that meant? [y/N]") {
			t.Errorf("%s: %d calls, %v, %q", c.name, calls, err, errs.String())
		}
		if err != nil && node.Explain(err).Hint != node.Consent {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
