package object

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

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

// beyond is fail for a value above its limit.
func (d *decoder) beyond(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %w: at byte %d: %s", ErrMalformed, ErrLimit, d.off, fmt.Sprintf(format, args...))
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

// expect reads the head of a value of one major type; what says which value.
func (d *decoder) expect(want byte, what string) uint64 {
	major, n := d.head()
	if d.err == nil && major != want {
		d.fail("%s is no %s", what, majorNames[want])
		return 0
	}
	return n
}

var majorNames = [...]string{majorUint: "unsigned integer", majorNeg: "integer", majorBytes: "byte string", majorText: "text", majorArray: "array", majorTag: "link"}

func (d *decoder) uint(what string) uint64 { return d.expect(majorUint, what) }

func (d *decoder) uintMax(limit uint64, what string) uint64 {
	n := d.uint(what)
	if d.err == nil && n > limit {
		d.beyond("%s is %d, above %d", what, n, limit)
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

// counted reads the bytes of a string of at most limit bytes.
func (d *decoder) counted(major byte, limit int, what string) []byte {
	n := d.expect(major, what)
	if d.err == nil && n > uint64(limit) {
		d.beyond("%s has %d bytes, above %d", what, n, limit)
	}
	return d.take(n)
}

func (d *decoder) bytes(limit int, what string) []byte { return d.counted(majorBytes, limit, what) }

// exactly reads a byte string of the length of to.
func (d *decoder) exactly(to []byte, what string) {
	b := d.bytes(len(to), what)
	if d.err == nil && len(b) != len(to) {
		d.fail("%s of %d bytes, not %d", what, len(b), len(to))
		return
	}
	copy(to, b)
}

// digests reads a sorted array of SHA-256 digests.
func (d *decoder) digests(limit int, what string) [][32]byte {
	return sortedOf(d, limit, what, func() (k [32]byte) {
		d.exactly(k[:], "a digest")
		return k
	}, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
}

func (d *decoder) device() (id DeviceID) {
	d.exactly(id[:], "a device id")
	return id
}

func (d *decoder) text(limit int, what string) string {
	b := d.counted(majorText, limit, what)
	if d.err == nil && !utf8.Valid(b) {
		d.fail("%s is not UTF-8", what)
		return ""
	}
	return string(b)
}

func (d *decoder) array(limit int, what string) int {
	n := d.expect(majorArray, what)
	if d.err == nil && n > uint64(limit) {
		d.beyond("%d %s, above %d", n, what, limit)
		return 0
	}
	if d.err == nil && n > uint64(len(d.b)-d.off) { // each item has at least one byte
		d.fail("ends early")
		return 0
	}
	return int(n)
}

// fixed reads the head of a structure of n fields.
func (d *decoder) fixed(n int, what string) {
	if got := d.expect(majorArray, what); d.err == nil && got != uint64(n) {
		d.fail("%s has %d fields, not %d", what, got, n)
	}
}

// listOf reads an array of at most limit values.
func listOf[T any](d *decoder, limit int, what string, one func() T) []T {
	return sortedOf(d, limit, what, one, nil)
}

// sortedOf reads an array whose values ascend strictly by compare.
func sortedOf[T any](d *decoder, limit int, what string, one func() T, compare func(a, b T) int) []T {
	var out []T
	for range d.array(limit, what) {
		v := one()
		if d.err == nil && compare != nil && len(out) > 0 && compare(out[len(out)-1], v) >= 0 {
			d.fail("%s out of order", what)
		}
		if d.err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
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
