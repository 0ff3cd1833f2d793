package keyring

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestRingOpensForWhomItIsWrapped(t *testing.T) {
	s := testSecret()
	h := s.Header()
	a, b := NewDevice(h), NewDevice(h)
	r, err := SealRing(s.Keys(), h, [][32]byte{a.Recipient()}, s.Admission(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err = DecodeRing(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if k, err := r.OpenDevice(a); err != nil || k.ID != s.Keys().ID || k.Epochs[0] != s.Keys().Epochs[0] {
		t.Fatal("the ring does not open for its device", err)
	}
	if _, err := r.OpenSecret(s); err != nil {
		t.Fatal("the ring does not open for the recovery words", err)
	}
	if _, err := r.OpenDevice(b); !errors.Is(err, ErrNotForUs) {
		t.Fatal("the ring opens for a stranger", err)
	}
	enc := r.Encode()
	for i := range enc {
		bad := bytes.Clone(enc)
		bad[i] ^= 1
		if _, err := DecodeRing(bad); err == nil {
			t.Fatalf("a flipped bit in byte %d is accepted", i)
		}
	}
	d, err := DecodeDevice(a.Encode())
	if err != nil || d.ID() != a.ID() || d.Wrapping != a.Wrapping {
		t.Fatal(err)
	}
}

// A ring of the committed file opens: sealing draws random keys, so that its
// bytes cannot be made again. -update writes a new one.
func TestRingVector(t *testing.T) {
	const file = "testdata/ring.txt"
	s, d := testSecret(), testDevice()
	chain := []byte("a chain")
	if *update {
		r, err := SealRing(testRingKeys(), s.Header(), [][32]byte{d.Recipient()}, d.Signing, chain)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(hex.EncodeToString(r.Encode())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := DecodeRing(b)
	if err != nil || r.Signer != d.ID() || !bytes.Equal(r.Chain, chain) {
		t.Fatal(err)
	}
	for who, open := range map[string]func() (*Keys, error){
		"the device": func() (*Keys, error) { return r.OpenDevice(d) }, "the recovery words": func() (*Keys, error) { return r.OpenSecret(s) },
	} {
		if k, err := open(); err != nil || !reflect.DeepEqual(k, testRingKeys()) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if _, err := r.OpenDevice(NewDevice(s.Header())); !errors.Is(err, ErrNotForUs) {
		t.Error(err)
	}
	if _, err := r.OpenSecret(Secret{}); !errors.Is(err, ErrNotForUs) {
		t.Error(err)
	}
}

// A ring names its vault twice; keys of another vault under this one's tag
// are refused.
func TestRingOfAnotherVault(t *testing.T) {
	s := testSecret()
	k := *s.Keys()
	r, err := SealRing(&k, s.Header(), nil, s.Admission(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Tag[0]++
	r.Sig = ed25519.Sign(s.Admission(), append([]byte(ringDomain), r.signed()...))
	r, err = DecodeRing(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenSecret(s); !errors.Is(err, ErrRing) {
		t.Error(err)
	}
}

func TestKeysOfARingThatAreNone(t *testing.T) {
	good := encodeKeys(testRingKeys())
	if _, err := decodeKeys(good); err != nil {
		t.Fatal(err)
	}
	none := testRingKeys()
	none.Current = 9
	twice := bytes.Clone(good)
	copy(twice[120+epochLen:], []byte{0, 0, 0, 0}) // the second epoch is 0 again
	for name, b := range map[string][]byte{"short": good[:100], "long": append(bytes.Clone(good), 0), "current is missing": encodeKeys(none), "an epoch twice": twice, "without epochs": append(bytes.Clone(good[:116]), 0, 0, 0, 0)} {
		if _, err := decodeKeys(b); !errors.Is(err, ErrRing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever is in a ring of as many devices as there may be opens it.
func TestRingOfManyDevices(t *testing.T) {
	s := testSecret()
	h := s.Header()
	last := NewDevice(h)
	to := make([][32]byte, MaxRecipients)
	for i := range to {
		to[i] = NewDevice(h).Recipient()
	}
	to[MaxRecipients-1] = last.Recipient()
	r, err := SealRing(s.Keys(), h, to, s.Admission(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenDevice(last); err != nil {
		t.Error(err)
	}
	if _, err := SealRing(s.Keys(), h, append(to, last.Recipient()), s.Admission(), nil); err == nil {
		t.Error("a ring of too many devices")
	}
}
