package proto

import (
	"bytes"
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

// What a peer announces reserves nothing before it comes, nor when little came
// before.
func TestAnnouncedLengthReservesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const end, announced = "\x02\x00\x00\x00\x00", "\x01\x00\x00\x80\x00tail"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 64 {
			c := NewConn(&stuck{first: []byte(end + announced), over: make(chan struct{})})
			if _, _, _, err := c.ReceiveFrame(); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := c.ReceiveFrame()
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

// What a peer has sent at once before is received into memory of the right
// size from then on, not into ever larger pieces.
func TestFramesAreReceivedWhereTheyStay(t *testing.T) {
	frame := append([]byte{FrameBlock, 0, 0, 16, 0, 1, 0, 0, 0}, make([]byte, 1<<20-4)...)
	const more = 16
	c := NewConn(&stuck{first: bytes.Repeat(frame, 1+more), over: make(chan struct{})})
	receive := func() {
		if _, b, _, err := c.ReceiveFrame(); err != nil || len(b) != 1<<20-4-32 {
			t.Fatal(len(b), err)
		}
	}
	receive()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range more {
		receive()
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / more; n > 1<<20+64<<10 {
		t.Errorf("%d bytes are allocated for a frame of 1 MiB", n)
	}
}
