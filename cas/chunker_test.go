package cas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20"
)

// TestChunkVector fixes where a stream is cut: 8 MiB of the ChaCha20 stream
// under the zero key and nonce, with the test secret's polynomial.
func TestChunkVector(t *testing.T) {
	c, err := newChunking(testSealer(t).keys.ChunkSeed)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := chacha20.NewUnauthenticatedCipher(make([]byte, 32), make([]byte, chacha20.NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, 8<<20)
	stream.XORKeyStream(plain, plain)
	var b strings.Builder
	fmt.Fprintf(&b, "polynomial %s\n", c.pol)
	cut := c.chunker(bytes.NewReader(plain))
	buf := make([]byte, maxChunk)
	sum := 0
	for {
		k, err := cut.Next(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sum += len(k); len(k) > maxChunk || len(k) < minChunk && sum < len(plain) {
			t.Errorf("a chunk of %d bytes", len(k))
		}
		fmt.Fprintf(&b, "%d\n", len(k))
	}
	if sum != len(plain) {
		t.Errorf("%d bytes come back", sum)
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
