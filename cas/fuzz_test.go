package cas

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
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
	return newSealer(s.Keys(), c)
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

// A version that rot has made is damage, not a newer format; one that a newer
// program wrote has a checksum that says so.
func TestDamagedVersion(t *testing.T) {
	s := testSealer(t)
	p := &plainBlock{}
	p.add(object.KindChunk, bytes.Repeat([]byte("a chunk of text, "), 40))
	b, err := s.seal(Data, p)
	if err != nil {
		t.Fatal(err)
	}
	b[4] ^= 0xff
	if _, _, err := s.open(b); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
		t.Errorf("a flipped version: %v", err)
	}
	out := &Store{be: memory{b: b}} // what is sent to a peer is not opened
	if _, err := out.stored(&wanted{l: location{length: uint32(len(b))}, ordinals: map[uint32]object.ID{0: {1}, 1: {2}}}); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
		t.Errorf("a flipped version, to be sent: %v", err)
	}
	binary.LittleEndian.PutUint32(b[20:], checksum(b))
	if _, _, err := s.open(b); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer version: %v", err)
	}
}

// The polynomial that the seed yields is part of the format.
func TestPolynomial(t *testing.T) {
	c, err := newChunker(testSealer(t).keys.ChunkSeed)
	if err != nil {
		t.Fatal(err)
	}
	again, err := newChunker(testSealer(t).keys.ChunkSeed)
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

// sealedSeed is a block, and a pack of it.
func sealedSeed(t testing.TB) (block, pack []byte) {
	s := testSealer(t)
	p := &plainBlock{}
	p.add(object.KindChunk, []byte("a chunk"))
	p.add(object.KindChunk, bytes.Repeat([]byte("another, "), 30))
	block, err := s.seal(Data, p)
	if err != nil {
		t.Fatal(err)
	}
	ids := []object.ID{{1}, {2}}
	return block, append(bytes.Clone(block), packTail(Data, object.DeviceID{}, 1, []packBlock{{0, uint32(len(block)), ids}}, len(block))...)
}

// What opens is sealed with the vault's key: no mutation may open.
func FuzzBlock(f *testing.F) {
	s := testSealer(f)
	block, _ := sealedSeed(f)
	f.Add(block)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, class, err := s.open(b)
		if err != nil {
			return
		}
		if _, count, length, err := header(b); err != nil || count != len(p.kinds) || length != len(b) || class != Data && class != Meta {
			t.Errorf("a block that opens has a bad header: %v", err)
		}
	})
}

// What stands inside of a sealed block: only a member can write it.
func FuzzPlain(f *testing.F) {
	s := testSealer(f)
	p := &plainBlock{}
	p.add(object.KindChunk, []byte("a chunk"))
	p.add(object.KindChunk, bytes.Repeat([]byte("another, "), 30))
	body := p.encode(nil)
	codec, stored := s.comp.compress(body, &scratch{})
	for codec, stored := range map[byte][]byte{codecRaw: body, codec: stored} {
		b := binary.AppendUvarint([]byte{codec}, uint64(len(stored)))
		b = binary.AppendUvarint(b, uint64(len(body)))
		f.Add(append(b, stored...), uint16(2))
		f.Add(append(append(b, stored...), 0, 0, 0), uint16(2)) // padding
	}
	f.Fuzz(func(t *testing.T, b []byte, count uint16) {
		p, err := s.decode(b, nil, Data, int(count))
		if err != nil {
			return
		}
		if len(p.kinds) != int(count) || len(p.data) > maxPlain {
			t.Errorf("%d objects, %d bytes", len(p.kinds), len(p.data))
		}
		n := 0
		for i := range p.kinds {
			_, plain := p.object(i)
			n += len(plain)
		}
		if n != len(p.data) {
			t.Errorf("objects of %d bytes in a block of %d", n, len(p.data))
		}
	})
}

func FuzzTable(f *testing.F) {
	_, pack := sealedSeed(f)
	f.Add(pack)
	f.Fuzz(func(t *testing.T, b []byte) {
		blocks, err := readTable(memory{b: b}, "x", int64(len(b)))
		if err != nil {
			return
		}
		end := uint32(0)
		for _, k := range blocks {
			if k.off < end || int(k.off)+int(k.length) > len(b) || len(k.ids) == 0 {
				t.Errorf("a block at %d of %d bytes with %d ids in a pack of %d", k.off, k.length, len(k.ids), len(b))
			}
			end = k.off + k.length
		}
	})
}

func FuzzLocation(f *testing.F) {
	f.Add(encodeLocation(object.ID{1}, location{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := decodeLocation(object.ID{1}, b); err == nil && !bytes.Equal(encodeLocation(object.ID{1}, l), b) {
			t.Errorf("%v has two forms", l)
		}
	})
}

// A name that is taken for a pack's names it and no other.
func FuzzParsePackName(f *testing.F) {
	f.Add(packName(Meta, packID{1}))
	f.Add(packName(Data, packID{0xff}))
	f.Fuzz(func(t *testing.T, name string) {
		class, id, ok := parsePackName(name)
		if ok && packName(class, id) != name {
			t.Errorf("%q is taken for %q", name, packName(class, id))
		}
	})
}
