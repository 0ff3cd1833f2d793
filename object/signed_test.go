package object

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// Whoever changes a bit of a signed statement is found out.
func TestStatementsThatWereChanged(t *testing.T) {
	all := samples(t)
	key := testKey().Public().(ed25519.PublicKey)
	for name, decode := range map[string]func([]byte) error{
		"admission":  func(b []byte) error { _, err := DecodeAdmission(b); return err },
		"revocation": func(b []byte) error { _, err := DecodeRevocation(b); return err },
		"generation": func(b []byte) error { _, err := DecodeGeneration(b, key); return err },
		"chain":      func(b []byte) error { _, err := DecodeChain(b, testTag, key); return err },
		"record":     func(b []byte) error { _, err := DecodeRecord(b); return err },
		"settings":   func(b []byte) error { _, err := DecodeSettings(b, key); return err },
	} {
		good := all[name]
		if err := decode(good); err != nil {
			t.Fatal(name, err)
		}
		from := 0
		if name == "settings" { // its registers are not signed: the record that links it is
			from = bytes.Index(good, all["admission"])
		}
		for i := from; i < len(good); i++ {
			b := bytes.Clone(good)
			b[i] ^= 1
			if decode(b) == nil {
				t.Errorf("%s: a flipped bit in byte %d is accepted", name, i)
			}
		}
		for n := range good {
			if decode(good[:n]) == nil {
				t.Errorf("%s: %d of %d bytes are accepted", name, n, len(good))
			}
		}
		if decode(append(bytes.Clone(good), 0)) == nil {
			t.Errorf("%s: a byte more is accepted", name)
		}
	}
	other := bytes.Repeat([]byte{9}, 32)
	if _, err := DecodeGeneration(all["generation"], other); !errors.Is(err, ErrAdmission) {
		t.Error("a generation by another key:", err)
	}
}
