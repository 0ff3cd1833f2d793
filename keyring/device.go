package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/curve25519"
)

const deviceMagic = "bsv device 1\n"

// ErrDevice is wrapped by errors about a keys/device file that is none.
var ErrDevice = errors.New("not a device key file")

// Device is the file keys/device: a device's two private keys and what pins
// its vault, so that storage cannot swap the header.
type Device struct {
	Signing   ed25519.PrivateKey // libp2p identity; the public half is the device id
	Wrapping  [32]byte           // X25519: opens the ring's body
	Tag       [16]byte
	Admission ed25519.PublicKey
}

// NewDevice makes random keys for a device of the vault with this header.
func NewDevice(h Header) Device {
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil { // crypto/rand never fails
		panic(fmt.Sprintf("keyring: %v", err))
	}
	d := Device{Signing: signing, Tag: h.Tag, Admission: h.Admission}
	rand.Read(d.Wrapping[:])
	return d
}

// ID is the device's public signing key.
func (d Device) ID() [32]byte { return [32]byte(d.Signing.Public().(ed25519.PublicKey)) }

// Recipient is the device's public wrapping key.
func (d Device) Recipient() [32]byte {
	p, err := curve25519.X25519(d.Wrapping[:], curve25519.Basepoint)
	if err != nil { // never for the base point
		panic(fmt.Sprintf("keyring: %v", err))
	}
	return [32]byte(p)
}

// Encode returns the file's bytes; they are secret.
func (d Device) Encode() []byte {
	b := append([]byte(deviceMagic), d.Signing.Seed()...)
	b = append(b, d.Wrapping[:]...)
	b = append(b, d.Tag[:]...)
	return append(b, d.Admission...)
}

// DecodeDevice reads keys/device. Errors wrap ErrNewer or ErrDevice.
func DecodeDevice(b []byte) (Device, error) {
	if !bytes.HasPrefix(b, []byte(deviceMagic)) {
		if isNewer(b, "bsv device ") {
			return Device{}, fmt.Errorf("read device key: %w", ErrNewer)
		}
		return Device{}, ErrDevice
	}
	r := b[len(deviceMagic):]
	if len(r) != 32+32+16+32 {
		return Device{}, fmt.Errorf("%w: wrong length", ErrDevice)
	}
	return Device{
		Signing:   ed25519.NewKeyFromSeed(r[:32]),
		Wrapping:  [32]byte(r[32:64]),
		Tag:       [16]byte(r[64:80]),
		Admission: bytes.Clone(r[80:112]),
	}, nil
}

// identity makes an age identity of 32 secret bytes.
func identity(secret []byte) (*age.X25519Identity, error) {
	s, err := bech32Encode("age-secret-key-", secret)
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Identity(strings.ToUpper(s))
}

// RecipientOf returns the age recipient ("age1…") of 32 secret bytes.
func RecipientOf(secret []byte) string {
	id, err := identity(secret)
	if err != nil { // any 32 bytes are an X25519 key
		panic(fmt.Sprintf("keyring: recipient: %v", err))
	}
	return id.Recipient().String()
}

// recipient makes an age recipient of a public X25519 key.
func recipient(public [32]byte) (age.Recipient, error) {
	s, err := bech32Encode("age", public[:])
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Recipient(s)
}
