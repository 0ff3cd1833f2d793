package cas

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/restic/chunker"
	"golang.org/x/crypto/chacha20"
	"pgregory.net/rapid"
)

func testChunker(t testing.TB) *rabin {
	c, err := newChunker(testSealer(t).keys.ChunkSeed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChunkVector fixes where a stream is cut: 8 MiB of the ChaCha20 stream
// under the zero key and nonce, with the test secret's polynomial.
func TestChunkVector(t *testing.T) {
	c := testChunker(t)
	stream, err := chacha20.NewUnauthenticatedCipher(make([]byte, 32), make([]byte, chacha20.NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, 8<<20)
	stream.XORKeyStream(plain, plain)
	var b strings.Builder
	fmt.Fprintf(&b, "polynomial %s\n", c.pol)
	for len(plain) > 0 {
		n := c.Cut(plain, 0)
		if n == 0 {
			n = len(plain)
		} else if n < minChunk || n > maxChunk {
			t.Errorf("a chunk of %d bytes", n)
		}
		plain = plain[n:]
		fmt.Fprintf(&b, "%d\n", n)
	}
	const file = "testdata/chunks.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("format 1 cuts otherwise: %s\nwant\n%s", b.String(), want)
	}
}

// content is bytes of a file as a person may have it: random ones, runs of one
// byte, and repetitions, long enough to reach the longest chunk.
func content(t *rapid.T) []byte {
	var b []byte
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		n := rapid.IntRange(0, 5<<19).Draw(t, "bytes")
		seed := rapid.Uint64().Draw(t, "seed")
		switch rapid.IntRange(0, 3).Draw(t, "sort") {
		case 0:
			b = append(b, bytes.Repeat([]byte{byte(seed)}, n)...)
		case 1:
			part := make([]byte, 1+int(seed%9000))
			random(seed).Read(part)
			b = append(b, bytes.Repeat(part, n/len(part))...)
		default:
			part := make([]byte, n)
			random(seed).Read(part)
			b = append(b, part...)
		}
	}
	return b
}

func random(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// The format says that chunks are cut by restic/chunker: whatever the content,
// and in whatever pieces it comes.
func TestCutsAreThoseOfTheFormat(t *testing.T) {
	c := testChunker(t)
	rapid.Check(t, func(t *rapid.T) {
		b := content(t)
		ref := chunker.New(bytes.NewReader(b), c.pol, chunker.WithBoundaries(minChunk, maxChunk), chunker.WithAverageBits(chunkBits))
		buf := make([]byte, maxChunk)
		for at := 0; ; {
			want, err := ref.Next(buf)
			if errors.Is(err, io.EOF) {
				if at != len(b) {
					t.Fatalf("cut at %d, where restic/chunker ends", at)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n, seen := 0, 0
			for have := 0; n == 0; seen = have {
				if have = min(have+rapid.IntRange(1, maxChunk).Draw(t, "come"), len(b)-at); have == seen {
					n = have // the end
					break
				}
				n = c.Cut(b[at:at+have], seen)
			}
			if n != int(want.Length) {
				t.Fatalf("a chunk of %d bytes at %d, of %d by restic/chunker", n, at, want.Length)
			}
			at += n
		}
	})
}

func BenchmarkCut(b *testing.B) {
	c := testChunker(b)
	plain := make([]byte, 64<<20)
	random(1).Read(plain)
	b.Run("bsv", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			for p := plain; len(p) > 0; {
				n := c.Cut(p, 0)
				if n == 0 {
					n = len(p)
				}
				p = p[n:]
			}
		}
	})
	b.Run("restic/chunker", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		buf := make([]byte, maxChunk)
		for b.Loop() {
			ref := chunker.New(bytes.NewReader(plain), c.pol, chunker.WithBoundaries(minChunk, maxChunk), chunker.WithAverageBits(chunkBits))
			for {
				if _, err := ref.Next(buf); err != nil {
					break
				}
			}
		}
	})
}
