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

// Conn frames messages on a stream: uvarint length, then the message.
type Conn struct {
	Stream
	r  *bufio.Reader
	mu sync.Mutex // guards writing
}

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
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.Stream.Write(append(out, b...))
	return err
}

// Receive reads one message of at most limit bytes.
func (c *Conn) Receive(m proto.Message, limit int) error {
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		return err
	}
	if n > uint64(limit) {
		return fmt.Errorf("%w: a message of %d bytes, above %d", ErrViolation, n, limit)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return noEOF(err)
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("%w: %v", ErrViolation, err)
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

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
	b := make([]byte, 5, 5+n)
	b[0] = FrameBlock
	binary.LittleEndian.PutUint32(b[1:], uint32(n))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.SetDeadline(time.Now().Add(Idle)); err != nil {
		return err
	}
	if _, err := c.Stream.Write(b); err != nil {
		return err
	}
	_, err := c.Stream.Write(block)
	return err
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
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.Stream.Write(append(b, m...))
	return err
}

// ReceiveFrame reads the next frame of an answer: a block, or the end.
func (c *Conn) ReceiveFrame() (ids [][32]byte, block []byte, end *End, err error) {
	if err := c.SetDeadline(time.Now().Add(Idle)); err != nil {
		return nil, nil, nil, err
	}
	var head [5]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, nil, nil, noEOF(err)
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > MaxFrame {
		return nil, nil, nil, fmt.Errorf("%w: a frame of %d bytes, above %d", ErrViolation, n, MaxFrame)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, nil, nil, noEOF(err)
	}
	switch head[0] {
	case FrameEnd:
		end = &End{}
		if err := proto.Unmarshal(b, end); err != nil {
			return nil, nil, nil, fmt.Errorf("%w: %v", ErrViolation, err)
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
