package keyring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

func testSecret() Secret {
	var s Secret
	copy(s[:], "a test's own secret of 32 bytes.")
	return s
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

func FuzzFiles(f *testing.F) {
	s := testSecret()
	h := s.Header()
	f.Add(h.Encode())
	d := Device{Signing: s.Admission(), Tag: h.Tag, Admission: h.Admission}
	f.Add(d.Encode())
	f.Add([]byte("bsv ring 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := DecodeHeader(b); err == nil && !bytes.Equal(h.Encode(), b) {
			t.Error("two encodings of one header")
		}
		if d, err := DecodeDevice(b); err == nil && !bytes.Equal(d.Encode(), b) {
			t.Error("two encodings of one device file")
		}
		if r, err := DecodeRing(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Error("two encodings of one ring")
		}
		_, _ = ParseWords(string(b)) // must not panic
		_, _ = Open(nil, &[32]byte{}, nil, b)
	})
}
