package cas

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"
)

const (
	codecRaw  = 0
	codecZstd = 1
)

// compressor is safe for concurrent use.
type compressor struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// newCompressor takes "fastest" (or "") or "default".
func newCompressor(level string) (*compressor, error) {
	l := zstd.SpeedFastest
	switch level {
	case "", "fastest":
	case "default":
		l = zstd.SpeedDefault
	default:
		return nil, fmt.Errorf("compression %q is neither \"fastest\" nor \"default\"", level)
	}
	n := max(runtime.GOMAXPROCS(0), 2)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(l), zstd.WithEncoderConcurrency(n),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(n), zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	return &compressor{enc, dec}, nil
}

// sampleAt is the size from which a sample decides whether bytes are worth
// compressing; sampleParts pieces of samplePart bytes are tried.
const (
	sampleAt    = 64 << 10
	sampleParts = 8
	samplePart  = 2 << 10
)

// incompressible judges by a sample, with x as scratch space.
func (c *compressor) incompressible(b []byte, x *scratch) bool {
	if len(b) < sampleAt {
		return false
	}
	sample := slices.Grow(x.plain[:0], sampleParts*samplePart)
	step := (len(b) - samplePart) / (sampleParts - 1)
	for i := range sampleParts {
		sample = append(sample, b[i*step:i*step+samplePart]...)
	}
	x.plain = sample
	x.packed = c.enc.EncodeAll(sample, x.packed[:0])
	return len(x.packed) > len(sample)*97/100
}

// compress returns what to store: b itself, or bytes in x that hold until x is
// used again. What the compressor made is decoded and compared, so that its
// bugs cannot lose data.
func (c *compressor) compress(b []byte, x *scratch) (byte, []byte) {
	x.packed = c.enc.EncodeAll(b, x.packed[:0])
	if len(x.packed) >= len(b) {
		return codecRaw, b
	}
	back, err := c.dec.DecodeAll(x.packed, slices.Grow(x.plain[:0], len(b)))
	if cap(back) > 0 {
		x.plain = back
	}
	if err != nil || !bytes.Equal(back, b) {
		return codecRaw, b
	}
	return codecZstd, x.packed
}

// decompress returns what was stored: stored itself, or bytes in room if they
// fit there.
func (c *compressor) decompress(codec byte, stored []byte, size int, room []byte) ([]byte, error) {
	switch codec {
	case codecRaw:
		if len(stored) != size {
			return nil, fmt.Errorf("%w: raw block of wrong length", ErrDamaged)
		}
		return stored, nil
	case codecZstd:
		out, err := c.dec.DecodeAll(stored, slices.Grow(room[:0], size))
		if err != nil || len(out) != size {
			return nil, fmt.Errorf("%w: block does not decompress", ErrDamaged)
		}
		return out, nil
	}
	return nil, fmt.Errorf("block codec %d: %w", codec, ErrNewer)
}

func (c *compressor) close() {
	_ = c.enc.Close() // only EncodeAll was used: no stream is to be ended
	c.dec.Close()
}
