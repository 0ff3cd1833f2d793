package object

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
)

// Each target says: the decoder does not panic, and what it accepts its
// encoder writes again, byte for byte. Seeds are the samples of the vectors
// and the files of testdata/fuzz.

// fuzzDecoder fuzzes one decoder; again decodes and encodes.
func fuzzDecoder(f *testing.F, seeds []string, again func(b []byte) ([]byte, error)) {
	all := samples(f)
	for _, name := range seeds {
		if all[name] == nil {
			f.Fatalf("no sample %q", name)
		}
		f.Add(all[name])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		enc, err := again(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the decoder changes its input")
		}
		if err == nil && !bytes.Equal(enc, b) {
			t.Fatalf("accepted, but written as %x", enc)
		}
	})
}

// fuzzed gives an encoder's failure a form that fails the target.
func fuzzed(b []byte, err error) ([]byte, error) {
	if err != nil {
		return []byte("the encoder refuses what the decoder accepts: " + err.Error()), nil
	}
	return b, nil
}

func fuzzNode(s shape) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		n, err := decodeNode(s, b)
		if err != nil {
			return nil, err
		}
		for i, it := range n.items {
			if n.level == 0 {
				n.items[i] = s.leaf(it)
			} else {
				n.items[i] = s.branch(it.key, it.id, it.count, it.bytes)
			}
		}
		return encodeNode(n.level, n.items), nil
	}
}

func FuzzTreeNode(f *testing.F) {
	fuzzDecoder(f, []string{"tree", "tree empty", "tree branch"}, fuzzNode(treeShape))
}

func FuzzListNode(f *testing.F) {
	fuzzDecoder(f, []string{"list", "list branch"}, fuzzNode(listShape))
}

func FuzzEntry(f *testing.F) {
	fuzzDecoder(f, []string{"entry file", "entry dir", "entry symlink", "entry list"}, func(b []byte) ([]byte, error) {
		d := &decoder{b: b}
		e := d.entry()
		if err := d.end(); err != nil {
			return nil, err
		}
		return appendEntry(nil, e), nil
	})
}

func FuzzXattrs(f *testing.F) {
	fuzzDecoder(f, []string{"xattrs"}, func(b []byte) ([]byte, error) {
		x, err := DecodeXattrs(b)
		if err != nil {
			return nil, err
		}
		return fuzzed(EncodeXattrs(x))
	})
}

func FuzzSnapshot(f *testing.F) {
	fuzzDecoder(f, []string{"snapshot", "snapshot first"}, func(b []byte) ([]byte, error) {
		s, err := DecodeSnapshot(b)
		if err != nil {
			return nil, err
		}
		return fuzzed(EncodeSnapshot(s))
	})
}

func FuzzConflict(f *testing.F) {
	fuzzDecoder(f, []string{"conflict"}, func(b []byte) ([]byte, error) {
		d := &decoder{b: b}
		c := d.conflict()
		if err := d.end(); err != nil {
			return nil, err
		}
		return appendConflict(nil, c), nil
	})
}

// FuzzSettings leaves signatures out: no fuzzer guesses them.
func FuzzSettings(f *testing.F) {
	fuzzDecoder(f, []string{"settings", "settings empty"}, func(b []byte) ([]byte, error) {
		s, err := readSettings(b, readAdmission, readRevocation, readGeneration)
		if err != nil {
			return nil, err
		}
		joined, err := s.Join(s).Encode()
		if enc, encErr := s.Encode(); encErr == nil && err == nil && !bytes.Equal(enc, joined) {
			return []byte("joined with itself it changes"), nil
		}
		return fuzzed(s.Encode())
	})
}

func FuzzAdmission(f *testing.F) {
	fuzzDecoder(f, []string{"admission"}, func(b []byte) ([]byte, error) {
		_, _ = DecodeAdmission(b) // must not panic
		a, err := readAdmission(b)
		if err != nil {
			return nil, err
		}
		return a.Encode(), nil
	})
}

func FuzzRevocation(f *testing.F) {
	fuzzDecoder(f, []string{"revocation"}, func(b []byte) ([]byte, error) {
		_, _ = DecodeRevocation(b) // must not panic
		r, err := readRevocation(b)
		if err != nil {
			return nil, err
		}
		return r.Encode(), nil
	})
}

func FuzzGeneration(f *testing.F) {
	key := testKey().Public().(ed25519.PublicKey)
	fuzzDecoder(f, []string{"generation"}, func(b []byte) ([]byte, error) {
		_, _ = DecodeGeneration(b, key) // must not panic
		g, err := readGeneration(b)
		if err != nil {
			return nil, err
		}
		return g.Encode(), nil
	})
}

func FuzzChain(f *testing.F) {
	key := testKey().Public().(ed25519.PublicKey)
	fuzzDecoder(f, []string{"chain"}, func(b []byte) ([]byte, error) {
		chain, err := DecodeChain(b, testTag, key)
		if err != nil {
			return nil, err
		}
		return EncodeChain(chain), nil
	})
}

func FuzzRecord(f *testing.F) {
	fuzzDecoder(f, []string{"record"}, func(b []byte) ([]byte, error) {
		_, _ = DecodeRecord(b) // must not panic
		r, err := readRecord(b)
		if err != nil {
			return nil, err
		}
		return r.Encode(), nil
	})
}

func FuzzStatement(f *testing.F) {
	fuzzDecoder(f, []string{"statement", "statement empty"}, func(b []byte) ([]byte, error) {
		s, err := decodeStatement(b)
		if err != nil {
			return nil, err
		}
		return s.encode(), nil
	})
}

// FuzzLinks: what an object's own decoder accepts has links that a reader
// finds without knowing its kind.
func FuzzLinks(f *testing.F) {
	for _, b := range samples(f) {
		for k := KindChunk; k <= KindMail+1; k++ {
			f.Add(byte(k), b)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		err := Validate(Kind(kind), b)
		links, lerr := Links(Kind(kind), b)
		if err == nil && lerr != nil {
			t.Fatalf("valid, but without links: %v", lerr)
		}
		for _, l := range links {
			if l.ID.IsZero() {
				t.Fatal("a link to nothing")
			}
		}
	})
}

func FuzzCID(f *testing.F) {
	id := testHasher().Sum(KindTree, nil)
	for _, s := range []string{id.CID(KindTree), id.CID(KindChunk), id.Full(), id.Short(), DeviceID(id).String(), "bafkqaaa", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, chunk, err := ParseCID(s); err == nil {
			kind := KindTree
			if chunk {
				kind = KindChunk
			}
			if id.CID(kind) != s {
				t.Fatalf("%q and %q are one id", s, id.CID(kind))
			}
		}
		if p, err := ParsePrefix(s); err == nil && !p.Whole() && p.digest+p.cid != s {
			t.Fatalf("%q becomes %q", s, p)
		}
		if d, err := ParseDeviceID(s); err == nil && d.String() != s {
			t.Fatalf("%q and %q are one device", s, d)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"", "/", "/a/b", "a//./b/", "/..", "/a\x00", "/\xff\n", strings.Repeat("/a", 10)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := CleanPath(s)
		if err != nil {
			return
		}
		if again, err := CleanPath(p); err != nil || again != p {
			t.Fatalf("%q is not clean: %q, %v", p, again, err)
		}
		names := Components(p)
		back := "/"
		for _, n := range names {
			if CheckName(n) != nil {
				t.Fatalf("%q is in a clean path", n)
			}
			back = JoinPath(back, n)
		}
		if back != p {
			t.Fatalf("%q becomes %q", p, back)
		}
		if dir, name := SplitPath(p); p != "/" && (JoinPath(dir, name) != p || !Within(p, dir) || !slices.Equal(Components(dir), names[:len(names)-1])) {
			t.Fatalf("%q splits into %q and %q", p, dir, name)
		}
	})
}
