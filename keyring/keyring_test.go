package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

func testSecret() Secret {
	var s Secret
	copy(s[:], "a test's own secret of 32 bytes.")
	return s
}

// testDevice is the device of the vectors: its seeds are bytes of 3 and 4.
func testDevice() Device {
	h := testSecret().Header()
	return Device{Signing: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)), Wrapping: [32]byte(bytes.Repeat([]byte{4}, 32)), Tag: h.Tag, Admission: h.Admission}
}

// testRingKeys are the test secret's keys and a later epoch, 5, which is
// current; its four keys are bytes of 5, 6, 7 and 8.
func testRingKeys() *Keys {
	k := testSecret().Keys()
	var e Epoch
	for i, to := range []*[32]byte{&e.Data, &e.Record, &e.Member, &e.Rendezvous} {
		copy(to[:], bytes.Repeat([]byte{byte(5 + i)}, 32))
	}
	k.Epochs[5], k.Current = e, 5
	return k
}

// golden compares with a file of testdata: the vectors of docs/format.md.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the bytes of format 1 have changed:\n%s\nwant\n%s", file, got, want)
	}
}

func TestVectors(t *testing.T) {
	s := testSecret()
	k := s.Keys()
	var b strings.Builder
	p := func(name string, v []byte) { fmt.Fprintf(&b, "%s %s\n", name, hex.EncodeToString(v)) }
	fmt.Fprintf(&b, "words %s\n", s.Words())
	p("admission", s.Admission().Seed())
	p("id", k.ID[:])
	p("split", k.Split[:])
	p("chunker", k.ChunkSeed[:])
	e := k.Epochs[0]
	p("epoch/0/data", e.Data[:])
	p("epoch/0/record", e.Record[:])
	p("epoch/0/member", e.Member[:])
	p("epoch/0/rendezvous", e.Rendezvous[:])
	h := s.Header()
	p("header", h.Encode())
	p("tag", h.Tag[:])
	d := testDevice()
	p("device", d.Encode())
	id, wrapping := d.ID(), d.Recipient()
	p("device id", id[:])
	p("device's X25519 key", wrapping[:])
	p("keys of a ring", encodeKeys(testRingKeys()))
	fmt.Fprintf(&b, "four words of SHA-256 of nothing: %s\n", FourWords(sha256.Sum256(nil)))
	golden(t, "vectors.txt", b.String())
	back, err := ParseWords(strings.ToUpper(s.Words()))
	if err != nil || back != s {
		t.Fatal("words do not read back", err)
	}
	h2, err := DecodeHeader(h.Encode())
	if err != nil || h2.Tag != h.Tag {
		t.Fatal(err)
	}
}

func TestWordsThatAreWrong(t *testing.T) {
	w := strings.Fields(testSecret().Words())
	w[3], w[4] = w[4], w[3]
	for _, text := range []string{"", "one two", strings.Join(w, " "), strings.Repeat("zzz ", 24)} {
		if _, err := ParseWords(text); !errors.Is(err, ErrWords) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A mistyped word is named; words in another order are told from it.
func TestWordsThatAreMistyped(t *testing.T) {
	right := strings.Fields(testSecret().Words())
	for i := range right {
		w := slices.Clone(right)
		w[i] = "xyzzy"
		_, err := ParseWords(strings.Join(w, " "))
		if want := fmt.Sprintf("word %d, \"xyzzy\", is not on the list", i+1); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	w := slices.Clone(right)
	w[0] = "abandon"
	if _, err := ParseWords(strings.Join(w, " ")); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), "checksum") {
		t.Error(err)
	}
	if _, err := ParseWords(strings.Join(right[1:], " ")); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), "23 words") {
		t.Error(err)
	}
	if s, err := ParseWords("\n" + strings.Join(right, "\t\r\n ") + " "); err != nil || s != testSecret() {
		t.Error("white space matters:", err)
	}
}

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

func TestEpochs(t *testing.T) {
	a, b := testSecret().Keys(), testRingKeys()
	if _, err := a.Epoch(5); err == nil {
		t.Error("a key of an epoch that is not there")
	}
	for _, pair := range [][2]*Keys{{a, b}, {b, a}, {b, b}} {
		u, err := pair[0].Union(pair[1])
		if err != nil || len(u.Epochs) != 2 || u.Epochs[5] != b.Epochs[5] || u.Epochs[0] != a.Epochs[0] || u.Current != pair[0].Current {
			t.Fatal(u, err)
		}
	}
	if len(a.Epochs) != 1 {
		t.Error("Union changes its operand")
	}
	if _, err := a.Union(Secret{1}.Keys()); err == nil {
		t.Error("keys of two vaults are united")
	}
	c := testRingKeys()
	c.Epochs[5] = Epoch{Data: [32]byte{1}}
	if _, err := b.Union(c); err == nil {
		t.Error("two keys of one epoch are united")
	}
	if one, two := NewSecret(), NewSecret(); one == two {
		t.Error("random secrets are equal")
	}
}

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
