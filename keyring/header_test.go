package keyring

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestFilesThatAreNone(t *testing.T) {
	s := testSecret()
	h := s.Header()
	d := testDevice().Encode()
	ring, err := SealRing(s.Keys(), h, nil, s.Admission(), nil)
	if err != nil {
		t.Fatal(err)
	}
	header := func(b []byte) error { _, err := DecodeHeader(b); return err }
	device := func(b []byte) error { _, err := DecodeDevice(b); return err }
	rings := func(b []byte) error { _, err := DecodeRing(b); return err }
	retagged := func(h Header) []byte { h.Tag = h.tag(); return h.Encode() }
	other, badRecovery, upper := h, h, h
	upper.Recovery = strings.ToUpper(h.Recovery)
	other.Chunker, badRecovery.Recovery = "another chunker", "age1x"
	for name, c := range map[string]struct {
		decode func([]byte) error
		b      []byte
		want   error
	}{
		"no header":                       {header, nil, ErrHeader},
		"a header of format 2":            {header, []byte("bsv vault 2\n"), ErrNewer},
		"a header with a byte more":       {header, append(h.Encode(), 0), ErrHeader},
		"a header with another chunker":   {header, retagged(other), ErrNewer},
		"a header with a bad recipient":   {header, retagged(badRecovery), ErrHeader},
		"a header in capital letters":     {header, retagged(upper), ErrHeader},
		"a header with the longest field": {header, append(append([]byte(headerMagic), make([]byte, 32)...), bytes.Repeat([]byte{255}, 300)...), ErrHeader},
		"no device":                       {device, nil, ErrDevice},
		"a device of format 2":            {device, []byte("bsv device 2\n"), ErrNewer},
		"a device cut short":              {device, d[:len(d)-1], ErrDevice},
		"a device with a byte more":       {device, append(d, 0), ErrDevice},
		"no ring":                         {rings, nil, ErrRing},
		"a ring of format 2":              {rings, []byte("bsv ring 2\n"), ErrNewer},
		"a ring with a byte more":         {rings, append(ring.Encode(), 0), ErrRing},
		"a ring that is too long":         {rings, append([]byte(ringMagic), make([]byte, MaxRing)...), ErrRing},
	} {
		if err := c.decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, f := range []struct {
		decode func([]byte) error
		b      []byte
	}{{header, h.Encode()}, {device, testDevice().Encode()}, {rings, ring.Encode()}} {
		for n := range f.b {
			if f.decode(f.b[:n]) == nil {
				t.Errorf("%.12q: %d bytes of it are accepted", f.b, n)
			}
		}
	}
	for i := range h.Encode() {
		b := h.Encode()
		b[i] ^= 1
		if header(b) == nil {
			t.Errorf("a header with a flipped bit in byte %d is accepted", i)
		}
	}
}
