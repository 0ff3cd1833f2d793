package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
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
