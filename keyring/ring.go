package keyring

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"filippo.io/age"
)

const (
	ringMagic  = "bsv ring 1\n"
	ringDomain = "bsv/1/ring"
	// MaxRing bounds a ring file: it travels in one message.
	MaxRing = 256 << 10
	// MaxRecipients bounds the devices that a ring is wrapped to: age reads no
	// more than 1,024 recipients, the vault's own among them.
	MaxRecipients = 1000
	// maxEpochs bounds the epochs that a ring may carry.
	maxEpochs = 1 << 12
)

// ErrRing is wrapped by errors about a ring file that is damaged or forged.
var ErrRing = errors.New("not a valid key ring")

// ErrNotForUs is what Open returns for a ring that is wrapped to others.
var ErrNotForUs = errors.New("the key ring is not wrapped to this device")

// Ring is the file keys/<sha256>: a vault's keys, wrapped, with the signer's
// admission chain, so that it is verifiable before any record is. The chain
// is opaque here; package object encodes and verifies it.
type Ring struct {
	Tag    [16]byte
	Signer [32]byte // device id, or the admission key itself
	Chain  []byte   // the signer's admission chain; empty when the admission key signs
	Body   []byte   // age: to each live device and the recovery identity
	Sig    []byte
}

// SealRing wraps keys to devices (public X25519 keys) and to the header's
// recovery recipient, and signs the result.
func SealRing(k *Keys, h Header, devices [][32]byte, signer ed25519.PrivateKey, chain []byte) (*Ring, error) {
	if len(devices) > MaxRecipients {
		return nil, fmt.Errorf("seal ring: %d devices, above %d", len(devices), MaxRecipients)
	}
	main, err := age.ParseX25519Recipient(h.Recovery)
	if err != nil {
		return nil, fmt.Errorf("seal ring: %w", err)
	}
	to := []age.Recipient{main}
	for _, d := range devices {
		r, err := recipient(d)
		if err != nil {
			return nil, fmt.Errorf("seal ring: %w", err)
		}
		to = append(to, r)
	}
	var body bytes.Buffer
	w, err := age.Encrypt(&body, to...)
	if err == nil {
		_, err = w.Write(encodeKeys(k))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal ring: %w", err)
	}
	r := &Ring{Tag: k.Tag, Signer: [32]byte(signer.Public().(ed25519.PublicKey)), Chain: chain, Body: body.Bytes()}
	r.Sig = ed25519.Sign(signer, append([]byte(ringDomain), r.signed()...))
	if n := len(r.Encode()); n > MaxRing {
		return nil, fmt.Errorf("seal ring: %d bytes, above %d", n, MaxRing)
	}
	return r, nil
}

func (r *Ring) signed() []byte {
	b := append([]byte(ringMagic), r.Tag[:]...)
	b = append(b, r.Signer[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Chain)))
	b = append(b, r.Chain...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Body)))
	return append(b, r.Body...)
}

// Encode returns the file's bytes.
func (r *Ring) Encode() []byte { return append(r.signed(), r.Sig...) }

// DecodeRing reads a ring and checks its signature by the signer it names;
// whether that signer may sign is for the chain's verifier to say. Errors
// wrap ErrNewer or ErrRing.
func DecodeRing(b []byte) (*Ring, error) {
	r, err := readRing(b)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(r.Signer[:], append([]byte(ringDomain), r.signed()...), r.Sig) {
		return nil, fmt.Errorf("%w: its signature does not match", ErrRing)
	}
	return r, nil
}

func readRing(b []byte) (*Ring, error) {
	if len(b) > MaxRing {
		return nil, fmt.Errorf("%w: %d bytes, above %d", ErrRing, len(b), MaxRing)
	}
	if !bytes.HasPrefix(b, []byte(ringMagic)) {
		if isNewer(b, "bsv ring ") {
			return nil, fmt.Errorf("read key ring: %w", ErrNewer)
		}
		return nil, ErrRing
	}
	rest := b[len(ringMagic):]
	if len(rest) < 48 {
		return nil, fmt.Errorf("%w: it ends early", ErrRing)
	}
	r := &Ring{Tag: [16]byte(rest[:16]), Signer: [32]byte(rest[16:48])}
	rest = rest[48:]
	for _, field := range []*[]byte{&r.Chain, &r.Body} {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.LittleEndian.Uint32(rest)) {
			return nil, fmt.Errorf("%w: it ends early", ErrRing)
		}
		n := binary.LittleEndian.Uint32(rest)
		*field, rest = bytes.Clone(rest[4:4+n]), rest[4+n:]
	}
	if len(rest) != ed25519.SignatureSize {
		return nil, fmt.Errorf("%w: wrong length", ErrRing)
	}
	r.Sig = bytes.Clone(rest)
	return r, nil
}

// OpenDevice unwraps the keys with a device's wrapping key. ErrNotForUs means
// that the ring was wrapped before the device was admitted.
func (r *Ring) OpenDevice(d Device) (*Keys, error) {
	id, err := identity(d.Wrapping[:])
	if err != nil {
		return nil, fmt.Errorf("open ring: %w", err)
	}
	return r.open(id)
}

// OpenSecret unwraps the keys with the recovery secret.
func (r *Ring) OpenSecret(s Secret) (*Keys, error) {
	id, err := s.Recovery()
	if err != nil {
		return nil, fmt.Errorf("open ring: %w", err)
	}
	return r.open(id)
}

func (r *Ring) open(id age.Identity) (*Keys, error) {
	p, err := age.Decrypt(bytes.NewReader(r.Body), id)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, ErrNotForUs
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRing, err)
	}
	b, err := io.ReadAll(io.LimitReader(p, MaxRing))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRing, err)
	}
	k, err := decodeKeys(b)
	if err != nil {
		return nil, err
	}
	if k.Tag != r.Tag {
		return nil, fmt.Errorf("%w: keys of another vault", ErrRing)
	}
	return k, nil
}

const epochLen = 4 + 4*32

func encodeKeys(k *Keys) []byte {
	b := append([]byte(nil), k.Tag[:]...)
	b = append(b, k.ID[:]...)
	b = append(b, k.Split[:]...)
	b = append(b, k.ChunkSeed[:]...)
	b = binary.LittleEndian.AppendUint32(b, k.Current)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(k.Epochs)))
	for _, n := range slices.Sorted(maps.Keys(k.Epochs)) {
		e := k.Epochs[n]
		b = binary.LittleEndian.AppendUint32(b, n)
		b = append(b, e.Data[:]...)
		b = append(b, e.Record[:]...)
		b = append(b, e.Member[:]...)
		b = append(b, e.Rendezvous[:]...)
	}
	return b
}

func decodeKeys(b []byte) (*Keys, error) {
	const fixed = 16 + 3*32 + 8
	if len(b) < fixed {
		return nil, fmt.Errorf("%w: its keys end early", ErrRing)
	}
	k := &Keys{Tag: [16]byte(b[:16]), ID: [32]byte(b[16:48]), Split: [32]byte(b[48:80]), ChunkSeed: [32]byte(b[80:112]), Epochs: map[uint32]Epoch{}}
	k.Current = binary.LittleEndian.Uint32(b[112:])
	n := binary.LittleEndian.Uint32(b[116:])
	if n == 0 || n > maxEpochs || len(b) != fixed+int(n)*epochLen {
		return nil, fmt.Errorf("%w: its keys have the wrong length", ErrRing)
	}
	last := int64(-1)
	for r := b[fixed:]; len(r) > 0; r = r[epochLen:] {
		num := binary.LittleEndian.Uint32(r)
		if int64(num) <= last {
			return nil, fmt.Errorf("%w: epochs out of order", ErrRing)
		}
		last = int64(num)
		k.Epochs[num] = Epoch{[32]byte(r[4:36]), [32]byte(r[36:68]), [32]byte(r[68:100]), [32]byte(r[100:132])}
	}
	if _, ok := k.Epochs[k.Current]; !ok {
		return nil, fmt.Errorf("%w: the current epoch is missing", ErrRing)
	}
	return k, nil
}
