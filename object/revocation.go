package object

import (
	"crypto/ed25519"
	"fmt"
)

const revocationDomain = "bsv/1/revocation"

// Revocation ends a device's membership: records beyond the cut do not count.
type Revocation struct {
	Tag         [16]byte
	Generation  uint32
	Device      DeviceID
	Incarnation uint64
	Seq         uint64
	Keep        [][32]byte // digests of the device's own admissions that stay, sorted
	Revoker     [32]byte
	Sig         [64]byte
}

func (r Revocation) signed() []byte {
	b := appendArray([]byte(revocationDomain), 7)
	b = appendBytes(b, r.Tag[:])
	b = appendUint(b, uint64(r.Generation))
	b = appendBytes(b, r.Device[:])
	b = appendUint(appendUint(b, r.Incarnation), r.Seq)
	b = appendArray(b, len(r.Keep))
	for _, k := range r.Keep {
		b = appendBytes(b, k[:])
	}
	return appendBytes(b, r.Revoker[:])
}

// Encode returns the statement's canonical bytes.
func (r Revocation) Encode() []byte {
	b := appendArray(nil, 8)
	b = append(b, r.signed()[len(revocationDomain)+1:]...)
	return appendBytes(b, r.Sig[:])
}

// DecodeRevocation reads a revocation and checks its signature by
// the revoker it names. The error wraps ErrMalformed or ErrAdmission.
func DecodeRevocation(b []byte) (Revocation, error) {
	r, err := readRevocation(b)
	if err != nil {
		return Revocation{}, err
	}
	if !ed25519.Verify(r.Revoker[:], r.signed(), r.Sig[:]) {
		return Revocation{}, fmt.Errorf("%w: signature of a revocation of %s", ErrAdmission, r.Device)
	}
	return r, nil
}

func readRevocation(b []byte) (Revocation, error) {
	d := &decoder{b: b}
	var r Revocation
	d.fixed(8, "a revocation")
	d.exactly(r.Tag[:], "a vault tag")
	r.Generation = uint32(d.uintMax(1<<32-1, "a generation"))
	r.Device = d.device()
	r.Incarnation, r.Seq = d.uint("an incarnation"), d.uint("a sequence number")
	r.Keep = d.digests(MaxDevices, "admissions that stay")
	d.exactly(r.Revoker[:], "a revoker")
	d.exactly(r.Sig[:], "a signature")
	if err := d.end(); err != nil {
		return Revocation{}, fmt.Errorf("read revocation: %w", err)
	}
	return r, nil
}
