package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// NonceSize is the length of the nonce that Seal writes first.
const NonceSize = chacha20poly1305.NonceSizeX

// Overhead is how many bytes sealing adds: the nonce and the authenticator.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// ErrSealed is what Open returns for bytes that the key does not open.
var ErrSealed = errors.New("sealed bytes do not open: wrong key or damaged")

// Seal appends nonce ‖ XChaCha20-Poly1305(plain) to dst; the nonce is random.
// plain and dst's spare capacity must not overlap unless plain begins exactly
// NonceSizeX bytes after len(dst).
func Seal(dst []byte, key *[32]byte, aad, plain []byte) []byte {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil { // only for a key of the wrong length
		panic(fmt.Sprintf("keyring: %v", err))
	}
	n := len(dst)
	dst = append(dst, make([]byte, chacha20poly1305.NonceSizeX)...)
	nonce := dst[n : n+chacha20poly1305.NonceSizeX]
	rand.Read(nonce)
	return a.Seal(dst, nonce, plain, aad)
}

// Open appends the plain bytes of what Seal made to dst. sealed and dst's spare
// capacity must not overlap unless they begin exactly NonceSize bytes apart:
// sealed[NonceSize:NonceSize] opens in place, and sealed is lost.
func Open(dst []byte, key *[32]byte, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrSealed
	}
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(fmt.Sprintf("keyring: %v", err))
	}
	out, err := a.Open(dst, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return out, nil
}
