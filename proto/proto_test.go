package proto

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// pipe is a stream whose writes go to out and whose reads come from in.
type pipe struct {
	io.Reader
	out bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error)   { return p.out.Write(b) }
func (p *pipe) Close() error                  { return nil }
func (p *pipe) CloseWrite() error             { return nil }
func (p *pipe) Reset() error                  { return nil }
func (p *pipe) SetDeadline(t time.Time) error { return nil }

func testTicket() Ticket {
	return Ticket{Inviter: [32]byte{1}, Secret: [16]byte{2}, Expires: time.Unix(1_800_000_000, 0), Role: "full", Tag: [16]byte{3}, Addrs: []string{"/ip4/10.0.0.1/tcp/27800"}}
}

// Every character of a ticket counts.
func TestTicketThatIsMistyped(t *testing.T) {
	s := testTicket().String()
	for i := len("bsv1"); i < len(s)-1; i++ {
		c := byte('a')
		if s[i] == c {
			c = 'b'
		}
		if _, err := ParseTicket(s[:i] + string(c) + s[i+1:]); !errors.Is(err, ErrTicket) {
			t.Fatalf("character %d: %v", i, err)
		}
	}
}

func TestMessagesBeyondTheirLimit(t *testing.T) {
	p := &pipe{}
	c := NewConn(p)
	if err := c.Send(&Ping{Nonce: 7}, MaxControl); err != nil {
		t.Fatal(err)
	}
	if err := c.SendBlock([][32]byte{{1}}, []byte("block")); err != nil {
		t.Fatal(err)
	}
	if err := c.SendEnd(&End{Error: "x"}); err != nil {
		t.Fatal(err)
	}
	r := NewConn(&pipe{Reader: &p.out})
	var m Ping
	if err := r.Receive(&m, MaxControl); err != nil || m.GetNonce() != 7 {
		t.Fatal(err)
	}
	ids, b, _, err := r.ReceiveFrame()
	if err != nil || len(ids) != 1 || string(b) != "block" {
		t.Fatal(ids, b, err)
	}
	if _, _, end, err := r.ReceiveFrame(); err != nil || end.GetError() != "x" {
		t.Fatal(err)
	}
	for _, raw := range []string{"\xff\xff\xff\xff\x7f", "\x03\xff\xff\xff"} {
		if err := NewConn(&pipe{Reader: strings.NewReader(raw)}).Receive(&m, MaxControl); !errors.Is(err, ErrViolation) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	for _, raw := range []string{"\x01\xff\xff\xff\xff", "\x09\x00\x00\x00\x00", "\x01\x04\x00\x00\x00\xff\xff\xff\xff", "\x01\x01\x00\x00\x00\x00"} {
		if _, _, _, err := NewConn(&pipe{Reader: strings.NewReader(raw)}).ReceiveFrame(); !errors.Is(err, ErrViolation) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
