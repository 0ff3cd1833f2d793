package proto

import (
	"bytes"
	"errors"
	"io"
	"testing"

	pb "google.golang.org/protobuf/proto"
)

// ended reports whether an error is one that a reader of a stream may get.
func ended(err error) bool {
	return errors.Is(err, ErrViolation) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// FuzzMessage reads every kind of message; what reads can be sent again and
// reads the same.
func FuzzMessage(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []pb.Message{&Hello{}, &HelloPayload{}, &Control{}, &Request{}, &End{}, &PairAsk{}, &PairNonce{}, &PairProof{}, &PairAccept{}} {
			if err := NewConn(&pipe{Reader: bytes.NewReader(b)}).Receive(m, MaxStranger); err != nil {
				if !ended(err) {
					t.Fatal(err)
				}
				continue
			}
			p := &pipe{}
			if err := NewConn(p).Send(m, MaxControl); err != nil {
				t.Fatal(err)
			}
			again := m.ProtoReflect().New().Interface()
			if err := NewConn(&pipe{Reader: &p.out}).Receive(again, MaxControl); err != nil || !pb.Equal(m, again) {
				t.Fatalf("%v reads back as %v: %v", m, again, err)
			}
		}
	})
}

// FuzzFrame reads a frame of an answer.
func FuzzFrame(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		ids, block, end, err := NewConn(&pipe{Reader: bytes.NewReader(b)}).ReceiveFrame()
		if err != nil {
			if !ended(err) {
				t.Fatal(err)
			}
			return
		}
		if end != nil {
			return
		}
		p := &pipe{}
		if err := NewConn(p).SendBlock(ids, block); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, p.out.Bytes()) {
			t.Fatalf("%x is written as %x", b, p.out.Bytes())
		}
	})
}

// FuzzTicket reads a ticket; what reads is written the same.
func FuzzTicket(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseTicket(s)
		if err != nil {
			if !errors.Is(err, ErrTicket) {
				t.Fatal(err)
			}
			return
		}
		if again, err := ParseTicket(k.String()); err != nil || again.String() != k.String() {
			t.Fatal("a ticket does not read back", err)
		}
	})
}

// FuzzIDs reads the ids of a message: one field cut into pieces.
func FuzzIDs(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var list [][]byte
		for n := int(piece) + 1; len(b) > 0; {
			n = min(n, len(b))
			list, b = append(list, b[:n]), b[n:]
		}
		ids, err := IDs32(list, MaxGet)
		if err != nil {
			if !errors.Is(err, ErrViolation) {
				t.Fatal(err)
			}
			return
		}
		for i, id := range ids {
			if !bytes.Equal(id[:], list[i]) {
				t.Fatal("an id reads as another")
			}
		}
	})
}
