package object

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"fmt"
)

// Encode returns the canonical bytes. It sorts nothing: Join and Set keep the
// order. Settings that no device would read are an error wrapping ErrMalformed
// or ErrLimit.
func (s Settings) Encode() ([]byte, error) {
	for _, r := range s.Registers {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("encode settings: %w", err)
		}
	}
	if len(s.Registers) > maxSettings || len(s.Admissions) > MaxDevices || len(s.Revocations) > MaxDevices || len(s.Generations) > MaxDevices {
		return nil, fmt.Errorf("encode settings: %w", ErrLimit)
	}
	b := appendArray(nil, 4)
	b = appendArray(b, len(s.Registers))
	for _, r := range s.Registers {
		b = appendArray(b, 4)
		b = appendText(b, r.Name)
		if r.Deleted {
			b = append(b, cborNull)
		} else {
			b = appendBytes(b, r.Value)
		}
		b = appendUint(b, r.Counter)
		b = appendBytes(b, r.Writer[:])
	}
	b = appendSet(b, s.Admissions)
	b = appendSet(b, s.Revocations)
	b = appendSet(b, s.Generations)
	if len(b) > MaxObject {
		return nil, fmt.Errorf("encode settings: %w: %d bytes", ErrLimit, len(b))
	}
	return b, nil
}

func appendSet[T interface{ Encode() []byte }](b []byte, set []T) []byte {
	b = appendArray(b, len(set))
	for _, v := range set {
		b = appendBytes(b, v.Encode())
	}
	return b
}

// DecodeSettings reads settings and checks every signature in them by the
// keys that the statements name, generations by the vault's admission key. The
// error wraps ErrMalformed, ErrLimit or ErrAdmission.
func DecodeSettings(b []byte, key ed25519.PublicKey) (Settings, error) {
	return readSettings(b, DecodeAdmission, DecodeRevocation, func(b []byte) (Generation, error) { return DecodeGeneration(b, key) })
}

// checkSettings is DecodeSettings without signatures.
func checkSettings(b []byte) error {
	_, err := readSettings(b, readAdmission, readRevocation, readGeneration)
	return err
}

func readSettings(b []byte, admission func([]byte) (Admission, error), revocation func([]byte) (Revocation, error), generation func([]byte) (Generation, error)) (Settings, error) {
	if len(b) > MaxObject {
		return Settings{}, fmt.Errorf("read settings: %w: %d bytes, above %d", ErrLimit, len(b), MaxObject)
	}
	d := &decoder{b: b}
	var s Settings
	d.fixed(4, "settings")
	s.Registers = sortedOf(d, maxSettings, "registers", d.register, func(a, b Register) int { return cmp.Compare(a.Name, b.Name) })
	s.Admissions = decodeSet(d, admission)
	s.Revocations = decodeSet(d, revocation)
	s.Generations = decodeSet(d, generation)
	if err := d.end(); err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return s, nil
}

func (d *decoder) register() Register {
	var r Register
	d.fixed(4, "a register")
	r.Name = d.text(maxRegister, "a register's name")
	if r.Deleted = d.null(); !r.Deleted {
		r.Value = string(d.bytes(maxValue, "a register's value"))
	}
	r.Counter = d.uint("a counter")
	r.Writer = d.device()
	if d.err == nil {
		d.err = r.check()
	}
	return r
}

// decodeSet reads statements, each a byte string, sorted.
func decodeSet[T any](d *decoder, decode func([]byte) (T, error)) []T {
	list := sortedOf(d, MaxDevices, "statements", func() []byte { return d.bytes(maxStatement, "a statement") }, bytes.Compare)
	var out []T
	for _, b := range list {
		v, err := decode(b)
		if err != nil {
			d.err = err
			return nil
		}
		out = append(out, v)
	}
	return out
}
