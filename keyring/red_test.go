package keyring

import (
	"bytes"
	"testing"
)

func TestHeaderWithAFullLength(t *testing.T) {
	b := append([]byte(headerMagic), make([]byte, 32)...)
	b = append(b, 255)
	b = append(b, bytes.Repeat([]byte{'a'}, 300)...)
	if _, err := DecodeHeader(b); err == nil {
		t.Error("accepted")
	}
}
