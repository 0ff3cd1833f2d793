package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
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
