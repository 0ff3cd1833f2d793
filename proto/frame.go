package proto

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// ErrViolation is wrapped by errors about what no honest peer sends.
var ErrViolation = errors.New("protocol violation")

// ErrSlow is wrapped by errors about a peer that moves less than Floor.
var ErrSlow = errors.New("too slow")

// Conn frames messages on a stream: uvarint length, then the message.
type Conn struct {
	Stream
	r    *bufio.Reader
	came int        // length of the longest message or frame that came whole
	mu   sync.Mutex // guards writing
}

// Allowance is how long n bytes may take: a peer may pause for Idle, and moves
// Floor bytes a second otherwise.
func Allowance(n int) time.Duration { return Idle + time.Duration(n)*time.Second/Floor }

// within resets the stream when f takes longer than n bytes may. A deadline
// would not do: streams have one for both directions.
func (c *Conn) within(n int, f func() error) error {
	t := time.AfterFunc(Allowance(n), func() { _ = c.Reset() }) // f tells of it
	err := f()
	if !t.Stop() && err != nil {
		return fmt.Errorf("%w: %d bytes in %v: %w", ErrSlow, n, Allowance(n), err)
	}
	return err
}

// take reads n bytes. They are allocated as they come: a number that a peer
// sent reserves nothing beyond what it has sent at once before.
func (c *Conn) take(n int) ([]byte, error) {
	var b []byte
	err := c.within(n, func() error {
		for len(b) < n {
			k := min(n-len(b), max(len(b), c.came, firstTake))
			b = append(make([]byte, 0, len(b)+k), b...)
			got, err := io.ReadFull(c.r, b[len(b):len(b)+k])
			b = b[:len(b)+got]
			if err != nil {
				return noEOF(err)
			}
		}
		c.came = max(c.came, n)
		return nil
	})
	return b, err
}

// firstTake is what is allocated before the first byte has come.
const firstTake = 4 << 10

// NewConn frames a stream.
func NewConn(s Stream) *Conn { return &Conn{Stream: s, r: bufio.NewReaderSize(s, 64<<10)} }

// Send writes one message.
func (c *Conn) Send(m proto.Message, limit int) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if len(b) > limit {
		return fmt.Errorf("send: message of %d bytes, above %d", len(b), limit)
	}
	out := binary.AppendUvarint(make([]byte, 0, len(b)+5), uint64(len(b)))
	return c.write(append(out, b...))
}

// write writes parts one after the other, in the time that they may take.
func (c *Conn) write(parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.within(n, func() error {
		for _, p := range parts {
			if _, err := c.Stream.Write(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Receive reads one message of at most limit bytes.
func (c *Conn) Receive(m proto.Message, limit int) error {
	n, err := c.length()
	if err != nil {
		return err
	}
	if n > uint64(limit) {
		return fmt.Errorf("%w: a message of %d bytes, above %d", ErrViolation, n, limit)
	}
	b, err := c.take(int(n))
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("%w: %w", ErrViolation, err)
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// length reads the length of a message: as long as nothing has come it may
// wait for ever.
func (c *Conn) length() (n uint64, err error) {
	if _, err := c.r.Peek(1); err != nil {
		return 0, err
	}
	err = c.within(maxLength, func() error {
		for i := range maxLength {
			b, err := c.r.ReadByte()
			if err != nil {
				return noEOF(err)
			}
			n |= uint64(b&0x7f) << (7 * i)
			if b < 0x80 {
				return nil
			}
		}
		return fmt.Errorf("%w: a length of more than %d bytes", ErrViolation, maxLength)
	})
	return n, err
}

// maxLength is the most bytes that the length of a message may have.
const maxLength = 5

// Frame types of a data stream.
const (
	FrameBlock = 1 // count u32 | count × id 32 | block
	FrameEnd   = 2 // End
)

// SendBlock writes a block frame: type, length u32 little-endian, bytes.
func (c *Conn) SendBlock(ids [][32]byte, block []byte) error {
	n := 4 + 32*len(ids) + len(block)
	if n > MaxFrame {
		return fmt.Errorf("send: frame of %d bytes, above %d", n, MaxFrame)
	}
	b := make([]byte, 5, 5+n-len(block))
	b[0] = FrameBlock
	binary.LittleEndian.PutUint32(b[1:], uint32(n))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return c.write(b, block)
}

// SendEnd writes the end of an answer.
func (c *Conn) SendEnd(e *End) error {
	m, err := proto.Marshal(e)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	b := make([]byte, 5, 5+len(m))
	b[0] = FrameEnd
	binary.LittleEndian.PutUint32(b[1:], uint32(len(m)))
	return c.write(append(b, m...))
}

// ReceiveFrame reads the next frame of an answer: a block, or the end.
func (c *Conn) ReceiveFrame() (ids [][32]byte, block []byte, end *End, err error) {
	head, err := c.take(5)
	if err != nil {
		return nil, nil, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > MaxFrame {
		return nil, nil, nil, fmt.Errorf("%w: a frame of %d bytes, above %d", ErrViolation, n, MaxFrame)
	}
	b, err := c.take(int(n))
	if err != nil {
		return nil, nil, nil, err
	}
	switch head[0] {
	case FrameEnd:
		end = &End{}
		if err := proto.Unmarshal(b, end); err != nil {
			return nil, nil, nil, fmt.Errorf("%w: %w", ErrViolation, err)
		}
		return nil, nil, end, nil
	case FrameBlock:
		if len(b) < 4 {
			return nil, nil, nil, fmt.Errorf("%w: a short frame", ErrViolation)
		}
		count := binary.LittleEndian.Uint32(b)
		rest := b[4:]
		if count == 0 || uint64(count)*32 > uint64(len(rest)) {
			return nil, nil, nil, fmt.Errorf("%w: a block frame with %d ids", ErrViolation, count)
		}
		ids = make([][32]byte, count)
		for i := range ids {
			copy(ids[i][:], rest[i*32:])
		}
		return ids, rest[count*32:], nil, nil
	}
	return nil, nil, nil, fmt.Errorf("%w: a frame of type %d", ErrViolation, head[0])
}

// IDs32 turns message fields into ids; one of another length is a violation.
func IDs32(list [][]byte, limit int) ([][32]byte, error) {
	if len(list) > limit {
		return nil, fmt.Errorf("%w: %d ids, above %d", ErrViolation, len(list), limit)
	}
	out := make([][32]byte, len(list))
	for i, b := range list {
		if len(b) != 32 {
			return nil, fmt.Errorf("%w: an id of %d bytes", ErrViolation, len(b))
		}
		copy(out[i][:], b)
	}
	return out, nil
}
