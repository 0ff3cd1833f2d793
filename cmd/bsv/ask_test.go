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
