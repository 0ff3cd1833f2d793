package cas

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"testing"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

var update = flag.Bool("update", false, "write testdata anew")

func testSealer(t testing.TB) *sealer {
	var s keyring.Secret
	copy(s[:], "a test's own secret of 32 bytes.")
	c, err := newCompressor("")
	if err != nil {
		t.Fatal(err)
	}
	return &sealer{s.Keys(), c}
}

// A block that was sealed when format 1 was fixed opens for ever.
func TestOldBlockOpens(t *testing.T) {
	s := testSealer(t)
	p := &plainBlock{}
	p.add(object.KindChunk, bytes.Repeat([]byte("a chunk of text, "), 40))
	p.add(object.KindChunk, []byte("another"))
	const file = "testdata/block.hex"
	if *update {
		b, err := s.seal(Data, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(hex.EncodeToString(b)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, class, err := s.open(b)
	if err != nil || class != Data || !bytes.Equal(got.data, p.data) || len(got.kinds) != 2 {
		t.Fatal(err)
	}
}

// The polynomial that the seed yields is part of the format.
func TestPolynomial(t *testing.T) {
	c, err := newChunking(testSealer(t).keys.ChunkSeed)
	if err != nil {
		t.Fatal(err)
	}
	again, err := newChunking(testSealer(t).keys.ChunkSeed)
	if err != nil || c.pol != again.pol || !c.pol.Irreducible() || c.pol.String() != "0x2ac1db58d21985" {
		t.Fatal(c.pol, again.pol, err)
	}
}

// memory is a backend that holds one file.
type memory struct {
	Backend
	b []byte
}

func (m memory) Read(_ string, off int64, n int) ([]byte, error) {
	if n < 0 {
		n = len(m.b) - int(off)
	}
	return m.b[off : int(off)+n], nil
}

func FuzzFiles(f *testing.F) {
	s := testSealer(f)
	p := &plainBlock{}
	p.add(object.KindChunk, []byte("a chunk"))
	b, err := s.seal(Data, p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(append(bytes.Clone(b), packTail(Data, object.DeviceID{}, 1, []packBlock{{0, uint32(len(b)), []object.ID{{1}}}}, len(b))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = s.open(b) // must not panic
		_, _, _, _ = header(b)
		_, _ = decodePlain(b, 3)
		_, _ = decodeLocation(object.ID{}, b)
		if blocks, err := readTable(memory{b: b}, "x", int64(len(b))); err == nil {
			for _, k := range blocks {
				if int(k.off)+int(k.length) > len(b) {
					t.Error("a block beyond its pack")
				}
			}
		}
	})
}
