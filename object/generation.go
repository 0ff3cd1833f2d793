package object

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
)

const generationDomain = "bsv/1/generation"

// Generation is the admission key's statement that opens the next generation
// of the vault's membership; older statements are void after it.
type Generation struct {
	Tag     [16]byte
	Number  uint32
	Members []Member // sorted by device
	Sig     [64]byte
}

// Member is a device of a new generation.
type Member struct {
	Device   DeviceID
	Wrapping [32]byte
}

func (g Generation) signed() []byte {
	b := appendArray([]byte(generationDomain), 3)
	b = appendBytes(b, g.Tag[:])
	b = appendUint(b, uint64(g.Number))
	b = appendArray(b, len(g.Members))
	for _, m := range g.Members {
		b = appendBytes(appendBytes(appendArray(b, 2), m.Device[:]), m.Wrapping[:])
	}
	return b
}

// Encode returns the statement's canonical bytes.
func (g Generation) Encode() []byte {
	b := appendArray(nil, 4)
	b = append(b, g.signed()[len(generationDomain)+1:]...)
	return appendBytes(b, g.Sig[:])
}

// DecodeGeneration reads a generation and checks its signature by the
// vault's admission key. The error wraps ErrMalformed or ErrAdmission.
func DecodeGeneration(b []byte, key ed25519.PublicKey) (Generation, error) {
	g, err := readGeneration(b)
	if err != nil {
		return Generation{}, err
	}
	if !ed25519.Verify(key, g.signed(), g.Sig[:]) {
		return Generation{}, fmt.Errorf("%w: signature of generation %d", ErrAdmission, g.Number)
	}
	return g, nil
}

func readGeneration(b []byte) (Generation, error) {
	d := &decoder{b: b}
	var g Generation
	d.fixed(4, "a generation")
	d.exactly(g.Tag[:], "a vault tag")
	g.Number = uint32(d.uintMax(1<<32-1, "a generation"))
	g.Members = sortedOf(d, MaxDevices, "members", func() (m Member) {
		d.fixed(2, "a member")
		m.Device = d.device()
		d.exactly(m.Wrapping[:], "a wrapping key")
		return m
	}, func(a, b Member) int { return bytes.Compare(a.Device[:], b.Device[:]) })
	d.exactly(g.Sig[:], "a signature")
	if err := d.end(); err != nil {
		return Generation{}, fmt.Errorf("read generation: %w", err)
	}
	return g, nil
}
