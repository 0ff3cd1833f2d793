package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"filippo.io/age"
)

// Chunker is the name of format 1's chunker. It stands in the header since
// changing it means storing everything again.
const Chunker = "restic/chunker v0.5.0 64KiB 256KiB 2MiB"

const headerMagic = "bsv vault 1\n"

// ErrNewer is wrapped by errors about files of a newer format.
var ErrNewer = errors.New("written by a newer bsv")

// ErrHeader is wrapped by errors about a vault file that is none.
var ErrHeader = errors.New("not a vault header")

// Header is the immutable file `vault`: what names a vault. Its tag is the
// first 16 bytes of SHA-256 over the header without the tag.
type Header struct {
	Admission ed25519.PublicKey
	Recovery  string // age recipient ("age1…") to which every ring is wrapped
	Chunker   string
	Tag       [16]byte
}

// NewHeader makes a header of format 1.
func NewHeader(admission ed25519.PublicKey, recovery string) Header {
	h := Header{Admission: admission, Recovery: recovery, Chunker: Chunker}
	h.Tag = h.tag()
	return h
}

func (h Header) body() []byte {
	b := []byte(headerMagic)
	b = append(b, h.Admission...)
	b = append(b, byte(len(h.Recovery)))
	b = append(b, h.Recovery...)
	b = append(b, byte(len(h.Chunker)))
	return append(b, h.Chunker...)
}

func (h Header) tag() [16]byte { return headerTag(h.body()) }

func headerTag(body []byte) [16]byte {
	s := sha256.Sum256(body)
	return [16]byte(s[:16])
}

// Encode returns the file's bytes.
func (h Header) Encode() []byte { return append(h.body(), h.Tag[:]...) }

// DecodeHeader reads the file `vault`. Errors wrap ErrNewer or ErrHeader.
func DecodeHeader(b []byte) (Header, error) {
	if !bytes.HasPrefix(b, []byte(headerMagic)) {
		if isNewer(b, "bsv vault ") {
			_, rest, _ := bytes.Cut(b, []byte("\n"))
			if _, err := DecodeHeader(append([]byte(headerMagic), rest...)); err == nil {
				return Header{}, fmt.Errorf("%w: its version is not the one that its tag covers", ErrHeader)
			}
			return Header{}, fmt.Errorf("read vault header: %w", ErrNewer)
		}
		return Header{}, ErrHeader
	}
	r := b[len(headerMagic):]
	var h Header
	if len(r) < ed25519.PublicKeySize {
		return Header{}, fmt.Errorf("%w: it ends early", ErrHeader)
	}
	h.Admission, r = bytes.Clone(r[:ed25519.PublicKeySize]), r[ed25519.PublicKeySize:]
	for _, field := range []*string{&h.Recovery, &h.Chunker} {
		if len(r) < 1 || len(r)-1 < int(r[0]) {
			return Header{}, fmt.Errorf("%w: it ends early", ErrHeader)
		}
		*field, r = string(r[1:1+int(r[0])]), r[1+int(r[0]):]
	}
	if len(r) != len(h.Tag) {
		return Header{}, fmt.Errorf("%w: wrong length", ErrHeader)
	}
	copy(h.Tag[:], r)
	if h.Tag != h.tag() {
		return Header{}, fmt.Errorf("%w: its tag does not match", ErrHeader)
	}
	if r, err := age.ParseX25519Recipient(h.Recovery); err != nil || r.String() != h.Recovery {
		return Header{}, fmt.Errorf("%w: recovery recipient %q", ErrHeader, h.Recovery)
	}
	if h.Chunker != Chunker {
		return Header{}, fmt.Errorf("read vault header: chunker %q: %w", h.Chunker, ErrNewer)
	}
	return h, nil
}
