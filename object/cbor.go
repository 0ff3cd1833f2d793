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
