package keyring

import (
	"bytes"
	"errors"
	"testing"
)

func TestSealing(t *testing.T) {
	key, other := &[32]byte{1}, &[32]byte{2}
	b := Seal([]byte("head"), key, []byte("aad"), []byte("plain"))
	if len(b) != len("head")+len("plain")+Overhead {
		t.Error(len(b))
	}
	sealed := b[len("head"):]
	if p, err := Open([]byte("x"), key, []byte("aad"), sealed); err != nil || string(p) != "xplain" {
		t.Error(p, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another key": func() ([]byte, error) { return Open(nil, other, []byte("aad"), sealed) },
		"other aad":   func() ([]byte, error) { return Open(nil, key, nil, sealed) },
		"short":       func() ([]byte, error) { return Open(nil, key, nil, sealed[:Overhead-1]) },
		"changed": func() ([]byte, error) {
			return Open(nil, key, []byte("aad"), append(bytes.Clone(sealed[:len(sealed)-1]), 0))
		},
	} {
		if _, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bytes.Equal(Seal(nil, key, nil, nil), Seal(nil, key, nil, nil)) {
		t.Error("a nonce is used twice")
	}
}
