package object

import (
	"bytes"
	"fmt"

	"github.com/mr-tron/base58"
	mh "github.com/multiformats/go-multihash"
)

// DeviceID is a device's Ed25519 public key. It prints as its peer id.
type DeviceID [32]byte

// peerKey is the protobuf head of an Ed25519 public key in a peer id: field 1
// (type) = 1, field 2 (data) of 32 bytes.
const peerKey = "\x08\x01\x12\x20"

// String is the peer id: base58 of the identity multihash of the key.
func (d DeviceID) String() string {
	h, err := mh.Encode(append([]byte(peerKey), d[:]...), mh.IDENTITY)
	if err != nil { // a constant code
		panic(fmt.Sprintf("object: peer id: %v", err))
	}
	return base58.Encode(h)
}

// IsZero reports whether d names no device.
func (d DeviceID) IsZero() bool { return d == DeviceID{} }

// ParseDeviceID parses a peer id of an Ed25519 key ("12D3KooW…").
func ParseDeviceID(s string) (DeviceID, error) {
	if len(s) > 2*len(DeviceID{}) { // base 58 takes time that grows with the square
		return DeviceID{}, fmt.Errorf("parse device id: %d characters are too many", len(s))
	}
	b, err := base58.Decode(s)
	if err != nil {
		return DeviceID{}, fmt.Errorf("parse device id %q: %w", s, err)
	}
	m, err := mh.Decode(b)
	if err != nil || m.Code != mh.IDENTITY || !bytes.HasPrefix(m.Digest, []byte(peerKey)) || len(m.Digest) != len(peerKey)+32 {
		return DeviceID{}, fmt.Errorf("parse device id %q: not the id of an Ed25519 key", s)
	}
	return DeviceID(m.Digest[len(peerKey):]), nil
}
