package keyring

import (
	"bytes"
	"strings"
	"testing"
)

// Each target says: the decoder does not panic, and what it accepts its
// encoder writes again, byte for byte.

func fuzzFile(f *testing.F, again func(b []byte) ([]byte, error)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if enc, err := again(b); err == nil && !bytes.Equal(enc, b) {
			t.Fatalf("accepted, but written as %x", enc)
		}
	})
}

// FuzzHeader mends the tag: no fuzzer finds a SHA-256.
func FuzzHeader(f *testing.F) {
	b := testSecret().Header().Encode()
	f.Add(b)
	f.Add(b[:len(b)-16])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = DecodeHeader(b) // must not panic
		tag := headerTag(b)
		b = append(bytes.Clone(b), tag[:]...)
		if h, err := DecodeHeader(b); err == nil && !bytes.Equal(h.Encode(), b) {
			t.Fatalf("accepted, but written as %x", h.Encode())
		}
	})
}

func FuzzDevice(f *testing.F) {
	f.Add(testDevice().Encode())
	fuzzFile(f, func(b []byte) ([]byte, error) {
		d, err := DecodeDevice(b)
		if err != nil {
			return nil, err
		}
		return d.Encode(), nil
	})
}

// FuzzRing leaves the signature out: no fuzzer guesses it.
func FuzzRing(f *testing.F) {
	s := testSecret()
	r, err := SealRing(testRingKeys(), s.Header(), [][32]byte{testDevice().Recipient()}, s.Admission(), []byte("chain"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Encode())
	fuzzFile(f, func(b []byte) ([]byte, error) {
		_, _ = DecodeRing(b) // must not panic
		r, err := readRing(b)
		if err != nil {
			return nil, err
		}
		_, _ = r.OpenDevice(testDevice()) // must not panic
		return r.Encode(), nil
	})
}

func FuzzRingKeys(f *testing.F) {
	f.Add(encodeKeys(testRingKeys()))
	fuzzFile(f, func(b []byte) ([]byte, error) {
		k, err := decodeKeys(b)
		if err != nil {
			return nil, err
		}
		return encodeKeys(k), nil
	})
}

func FuzzWords(f *testing.F) {
	f.Add(testSecret().Words())
	f.Add(strings.Repeat("abandon ", 23) + "art")
	f.Add(strings.Repeat("zoo ", 24))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseWords(text)
		if err != nil {
			return
		}
		if want := strings.Join(strings.Fields(strings.ToLower(text)), " "); s.Words() != want {
			t.Fatalf("%q reads as %q", text, s.Words())
		}
	})
}

func FuzzOpen(f *testing.F) {
	key := &[32]byte{1}
	f.Add([]byte("aad"), Seal(nil, key, []byte("aad"), []byte("plain")))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, aad, sealed []byte) {
		if p, err := Open(nil, key, aad, sealed); err == nil && len(p) != len(sealed)-Overhead {
			t.Fatal("opens to another length")
		}
	})
}
