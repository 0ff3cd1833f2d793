package cas

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/restic/chunker"
	"golang.org/x/crypto/chacha20"
)

// Chunk sizes of format 1, in bytes: no chunk but a file's last is smaller
// than minChunk, none larger than maxChunk.
const (
	minChunk  = 64 << 10
	chunkBits = 18 // 256 KiB on average
	maxChunk  = 2 << 20
)

// Chunker cuts a stream. Next fills buf (which has room for the largest
// chunk) and returns the chunk; io.EOF ends the stream.
type Chunker interface {
	Next(buf []byte) ([]byte, error)
	Reset(r io.Reader)
}

// chunking makes chunkers with the vault's polynomial.
type chunking struct {
	pol  chunker.Pol
	used sync.Pool // of Chunker: each holds half a MiB
}

type keyStream struct{ c *chacha20.Cipher }

func (k keyStream) Read(p []byte) (int, error) {
	clear(p)
	k.c.XORKeyStream(p, p)
	return len(p), nil
}

// newChunking derives the polynomial from the vault's seed: the first
// irreducible one that a ChaCha20 stream under the seed yields.
func newChunking(seed [32]byte) (*chunking, error) {
	c, err := chacha20.NewUnauthenticatedCipher(seed[:], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, fmt.Errorf("derive polynomial: %w", err)
	}
	pol, err := chunker.DerivePolynomial(keyStream{c})
	if err != nil {
		return nil, fmt.Errorf("derive polynomial: %w", err)
	}
	return &chunking{pol: pol}, nil
}

type rabin struct {
	pol chunker.Pol
	c   *chunker.Chunker
}

// chunker returns a chunker of r, to be given back with done.
func (c *chunking) chunker(r io.Reader) Chunker {
	if k, ok := c.used.Get().(Chunker); ok {
		k.Reset(r)
		return k
	}
	return &rabin{c.pol, chunker.New(r, c.pol, chunker.WithBoundaries(minChunk, maxChunk), chunker.WithAverageBits(chunkBits))}
}

func (c *chunking) done(k Chunker) { c.used.Put(k) }

func (r *rabin) Reset(rd io.Reader) {
	r.c.Reset(rd, r.pol, chunker.WithBoundaries(minChunk, maxChunk), chunker.WithAverageBits(chunkBits))
}

func (r *rabin) Next(buf []byte) ([]byte, error) {
	k, err := r.c.Next(buf[:0])
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, err
	}
	return k.Data, nil
}
