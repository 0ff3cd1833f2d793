package proto

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a stream on which nothing comes any more after its first bytes.
type stuck struct {
	pipe
	first []byte
	over  chan struct{}
}

func (s *stuck) Read(b []byte) (int, error) {
	if len(s.first) > 0 {
		n := copy(b, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	<-s.over
	return 0, errors.New("reset")
}

func (s *stuck) Write([]byte) (int, error) {
	<-s.over
	return 0, errors.New("reset")
}

func (s *stuck) Reset() error { close(s.over); return nil }

// A peer that stops in the middle of a message or a frame, or does not read,
// is given up after what the bytes may take: and not before.
func TestPeersThatStall(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		bytes int
		do    func(*Conn) error
	}{
		"in a length":   {"\xff", maxLength, func(c *Conn) error { return c.Receive(&Ping{}, MaxControl) }},
		"in a message":  {"\x80\x80\x04", 1 << 16, func(c *Conn) error { return c.Receive(&Ping{}, MaxControl) }},
		"before frames": {"", 5, func(c *Conn) error { _, _, _, err := c.ReceiveFrame(); return err }},
		"in a frame":    {"\x01\x00\x00\x10\x00", 1 << 20, func(c *Conn) error { _, _, _, err := c.ReceiveFrame(); return err }},
		"when sent to":  {"", 43, func(c *Conn) error { return c.SendBlock(make([][32]byte, 1), []byte("12")) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				err := c.do(NewConn(&stuck{first: []byte(c.first), over: make(chan struct{})}))
				if took := time.Since(begin); !errors.Is(err, ErrSlow) || took != Allowance(c.bytes) {
					t.Errorf("%v after %v, allowed are %v", err, took, Allowance(c.bytes))
				}
			})
		})
	}
}

// What a peer announces reserves nothing before it comes.
func TestAnnouncedLengthReservesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 64 {
			_, _, _, err := NewConn(&stuck{first: []byte("\x01\x00\x00\x80\x00tail"), over: make(chan struct{})}).ReceiveFrame()
			if !errors.Is(err, ErrSlow) {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / 64; n > 256<<10 {
			t.Errorf("%d bytes are allocated for a frame of which 4 bytes have come", n)
		}
	})
}
