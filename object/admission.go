package object

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// ErrAdmission is wrapped by errors about statements of membership that do
// not verify.
var ErrAdmission = errors.New("admission does not verify")

const admissionDomain = "bsv/1/admission"

// Admission is a signed statement that a device is a member. Admitter is the
// admission key of the vault or a member's id.
type Admission struct {
	Tag        [16]byte
	Generation uint32
	Device     DeviceID
	Wrapping   [32]byte // X25519 key to which rings are wrapped
	Admitter   [32]byte
	Sig        [64]byte
}

func (a Admission) signed() []byte {
	b := appendArray([]byte(admissionDomain), 5)
	b = appendBytes(b, a.Tag[:])
	b = appendUint(b, uint64(a.Generation))
	b = appendBytes(b, a.Device[:])
	b = appendBytes(b, a.Wrapping[:])
	return appendBytes(b, a.Admitter[:])
}

// Admit signs an admission with the admitter's key.
func Admit(tag [16]byte, generation uint32, device DeviceID, wrapping [32]byte, admitter ed25519.PrivateKey) Admission {
	a := Admission{Tag: tag, Generation: generation, Device: device, Wrapping: wrapping}
	copy(a.Admitter[:], admitter.Public().(ed25519.PublicKey))
	copy(a.Sig[:], ed25519.Sign(admitter, a.signed()))
	return a
}

// Verify checks the signature alone.
func (a Admission) Verify() error {
	if !ed25519.Verify(a.Admitter[:], a.signed(), a.Sig[:]) {
		return fmt.Errorf("%w: signature of %s", ErrAdmission, a.Device)
	}
	return nil
}

// Encode returns the statement's canonical bytes.
func (a Admission) Encode() []byte {
	b := appendArray(nil, 6)
	b = append(b, a.signed()[len(admissionDomain)+1:]...)
	return appendBytes(b, a.Sig[:])
}

func (d *decoder) admission() Admission {
	var a Admission
	d.fixed(6, "an admission")
	d.exactly(a.Tag[:], "a vault tag")
	a.Generation = uint32(d.uintMax(1<<32-1, "a generation"))
	a.Device = d.device()
	d.exactly(a.Wrapping[:], "a wrapping key")
	d.exactly(a.Admitter[:], "an admitter")
	d.exactly(a.Sig[:], "a signature")
	return a
}

// DecodeAdmission reads an admission and checks its signature; whether the
// admitter may admit is for a chain to say. The error wraps ErrMalformed or
// ErrAdmission.
func DecodeAdmission(b []byte) (Admission, error) {
	a, err := readAdmission(b)
	if err == nil {
		err = a.Verify()
	}
	if err != nil {
		return Admission{}, err
	}
	return a, nil
}

func readAdmission(b []byte) (Admission, error) {
	d := &decoder{b: b}
	a := d.admission()
	if err := d.end(); err != nil {
		return Admission{}, fmt.Errorf("read admission: %w", err)
	}
	return a, nil
}
