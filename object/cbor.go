package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The subset of DAG-CBOR that objects use: unsigned and negative integers,
// byte and text strings, arrays, null, booleans, and links (tag 42). Heads
// are minimal, lengths definite; a reader accepts nothing else, so that one
// value has one byte string.

const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorTag   = 6

	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6

	tagLink = 42
)

// ErrMalformed is what every decoder of this package returns (wrapped) for
// bytes that are not the canonical form of a value.
var ErrMalformed = errors.New("malformed object")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func appendHead(b []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(b, m|byte(n))
	case n <= math.MaxUint8:
		return append(b, m|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, m|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, m|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, m|27), n)
	}
}

func headLen(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n <= math.MaxUint8:
		return 2
	case n <= math.MaxUint16:
		return 3
	case n <= math.MaxUint32:
		return 5
	default:
		return 9
	}
}

func appendUint(b []byte, n uint64) []byte { return appendHead(b, majorUint, n) }

func appendInt(b []byte, n int64) []byte {
	if n >= 0 {
		return appendHead(b, majorUint, uint64(n))
	}
	return appendHead(b, majorNeg, uint64(-(n + 1)))
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(appendHead(b, majorBytes, uint64(len(v))), v...)
}

func appendText(b []byte, v string) []byte {
	return append(appendHead(b, majorText, uint64(len(v))), v...)
}

func appendArray(b []byte, n int) []byte { return appendHead(b, majorArray, uint64(n)) }

// decoder reads canonical CBOR from b. The first error sticks; values read
// after it are zero. Strings are copies, byte slices alias b.
type decoder struct {
	b   []byte
	off int
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = malformed("at byte %d: "+format, append([]any{d.off}, args...)...)
	}
}

func (d *decoder) head() (major byte, n uint64) {
	if d.err != nil {
		return 0, 0
	}
	if d.off >= len(d.b) {
		d.fail("ends early")
		return 0, 0
	}
	c := d.b[d.off]
	major, info := c>>5, c&31
	rest := d.b[d.off+1:]
	size := 0
	switch {
	case info < 24:
		n = uint64(info)
	case info <= 27:
		size = 1 << (info - 24)
		if len(rest) < size {
			d.fail("ends early")
			return 0, 0
		}
		for _, x := range rest[:size] {
			n = n<<8 | uint64(x)
		}
		if headLen(n) != size+1 {
			d.fail("integer not in its shortest form")
			return 0, 0
		}
	default:
		d.fail("unknown head %#x", c)
		return 0, 0
	}
	d.off += 1 + size
	return major, n
}

func (d *decoder) expect(want byte, what string) uint64 {
	major, n := d.head()
	if d.err == nil && major != want {
		d.fail("expected %s", what)
		return 0
	}
	return n
}

func (d *decoder) uint() uint64 { return d.expect(majorUint, "an unsigned integer") }

func (d *decoder) uintMax(limit uint64, what string) uint64 {
	n := d.uint()
	if d.err == nil && n > limit {
		d.fail("%s is %d, above %d", what, n, limit)
		return 0
	}
	return n
}

func (d *decoder) int() int64 {
	major, n := d.head()
	if d.err != nil {
		return 0
	}
	if major > majorNeg || n > math.MaxInt64 {
		d.fail("expected an integer of 64 bits")
		return 0
	}
	if major == majorNeg {
		return -int64(n) - 1
	}
	return int64(n)
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.b)-d.off) {
		d.fail("ends early")
		return nil
	}
	v := d.b[d.off : d.off+int(n)]
	d.off += int(n)
	return v
}

func (d *decoder) bytes(limit int, what string) []byte {
	n := d.expect(majorBytes, "bytes of "+what)
	if d.err == nil && n > uint64(limit) {
		d.fail("%s has %d bytes, above %d", what, n, limit)
	}
	return d.take(n)
}

func (d *decoder) text(limit int, what string) string {
	n := d.expect(majorText, "text of "+what)
	if d.err == nil && n > uint64(limit) {
		d.fail("%s has %d bytes, above %d", what, n, limit)
	}
	return string(d.take(n))
}

func (d *decoder) array(limit int, what string) int {
	n := d.expect(majorArray, "an array of "+what)
	if d.err == nil && n > uint64(limit) {
		d.fail("%d %s, above %d", n, what, limit)
		return 0
	}
	if d.err == nil && n > uint64(len(d.b)-d.off) { // each item has at least one byte
		d.fail("ends early")
		return 0
	}
	return int(n)
}

func (d *decoder) fixed(n int, what string) {
	if got := d.array(n, "fields of "+what); d.err == nil && got != n {
		d.fail("%s has %d fields, not %d", what, got, n)
	}
}

// null consumes a null if one is next.
func (d *decoder) null() bool {
	if d.err == nil && d.off < len(d.b) && d.b[d.off] == cborNull {
		d.off++
		return true
	}
	return false
}

// end returns the error of the whole reading; trailing bytes are one.
func (d *decoder) end() error {
	if d.err == nil && d.off != len(d.b) {
		d.fail("%d bytes follow the value", len(d.b)-d.off)
	}
	return d.err
}
