package cas

import (
	"fmt"

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

// Chunker says where content is cut. It keeps no state between calls and is
// safe for concurrent use.
type Chunker interface {
	// Cut returns the length of the chunk that b begins with, 0 when its end is
	// not in b. An earlier call for the same chunk may have looked through the
	// first from bytes; they are not looked at again.
	Cut(b []byte, from int) int
}

type keyStream struct{ c *chacha20.Cipher }

func (k keyStream) Read(p []byte) (int, error) {
	clear(p)
	k.c.XORKeyStream(p, p)
	return len(p), nil
}

// newChunker cuts by the polynomial that the vault's seed yields: the first
// irreducible one of a ChaCha20 stream under the seed.
func newChunker(seed [32]byte) (*rabin, error) {
	c, err := chacha20.NewUnauthenticatedCipher(seed[:], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, fmt.Errorf("derive polynomial: %w", err)
	}
	pol, err := chunker.DerivePolynomial(keyStream{c})
	if err != nil {
		return nil, fmt.Errorf("derive polynomial: %w", err)
	}
	return newRabin(pol)
}
