package object

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

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

// samples are one of each thing that has bytes.
func samples(t testing.TB) map[string][]byte {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	out := map[string][]byte{}
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	dev := DeviceID(key.Public().(ed25519.PublicKey))
	x := must(EncodeXattrs([]Xattr{{"user.b", "2"}, {"user.a", "\x00\xff"}}))
	out["xattrs"] = x
	empty, plain := EmptyTree(h)
	out["tree empty"] = plain
	if _, err := st.Put(ctx, KindTree, plain); err != nil {
		t.Fatal(err)
	}
	list := []Entry{
		{Name: "a\xff\n", Kind: File, Content: Content{Inline: "hello"}, Size: 5, Mode: 0o4755, MTime: -1, Xattrs: Content{Inline: string(x)}, Owner: "0:0:root:root"},
		{Name: "b", Kind: Dir, Tree: empty, Mode: 0o755, MTime: 1 << 60},
		{Name: "c", Kind: Symlink, Target: "../x", MTime: 7},
		{Name: "d", Kind: File, Content: Content{Kind: KindChunk, ID: h.Sum(KindChunk, []byte("chunk"))}, Size: 200, Mode: 0o644},
		{Name: "e", Kind: File, Content: Content{Kind: KindList, ID: h.Sum(KindList, []byte("list"))}, Size: 1 << 33, Mode: 0o600},
	}
	root, _, err := BuildTree(ctx, h, st, seq(list))
	if err != nil {
		t.Fatal(err)
	}
	out["tree"] = must(st.Get(ctx, root))
	s := Snapshot{Root: root, Parents: []ID{{1}, {2}}, Base: empty, MergeVersion: 1, Device: dev, Time: 1_700_000_000_000_000_000, Message: "grüße", Files: 3, Bytes: 5,
		Conflicts: []Conflict{{Path: "/a", Type: "content", Base: &list[0], Sides: []Side{{Entry: list[0], Snapshot: ID{1}, Device: dev, Time: 3}, {Entry: list[3], Device: dev}}, Winner: 1, Copies: []string{"/a.conflict-aaaaaaaa"}}}}
	out["snapshot"] = must(EncodeSnapshot(s))
	tag := [16]byte{9}
	a := Admit(tag, 0, dev, [32]byte{5}, key)
	out["admission"] = a.Encode()
	out["chain"] = EncodeChain([]Admission{a})
	r := Revocation{Tag: tag, Device: dev, Incarnation: 1, Seq: 2, Keep: [][32]byte{{1}, {2}}, Revoker: [32]byte(dev)}
	copy(r.Sig[:], ed25519.Sign(key, r.signed()))
	out["revocation"] = r.Encode()
	g := Generation{Tag: tag, Number: 1, Members: []Member{{dev, [32]byte{5}}}}
	copy(g.Sig[:], ed25519.Sign(key, g.signed()))
	out["generation"] = g.Encode()
	set := Settings{}.Set(dev, "tag/x", "y", false).Set(dev, "name/z", "", true).Join(Settings{Admissions: []Admission{a}, Revocations: []Revocation{r}, Generations: []Generation{g}})
	out["settings"] = must(set.Encode())
	st2 := Statement{Time: 5, Head: ID{1}, Seen: []Seen{{dev, 1, 2}}, Settings: ID{2}, Acknowledged: [][32]byte{{3}}, Capabilities: 1, Addresses: []string{"/ip4/1.2.3.4/tcp/1"}}
	out["statement"] = st2.encode()
	rec := Record{Outer: Outer{Tag: tag, Device: dev, Incarnation: 1 << 32, Seq: 1}, Sealed: []byte("sealed")}
	copy(rec.Sig[:], ed25519.Sign(key, rec.signed()))
	out["record"] = rec.Encode()
	return out
}

func TestVectors(t *testing.T) {
	all := samples(t)
	var b strings.Builder
	for _, name := range []string{"xattrs", "tree empty", "tree", "snapshot", "admission", "chain", "revocation", "generation", "settings", "statement", "record"} {
		fmt.Fprintf(&b, "%s: %s\n", name, hex.EncodeToString(all[name]))
	}
	h := testHasher()
	id := h.Sum(KindTree, all["tree"])
	fmt.Fprintf(&b, "id of tree: %s %s\n", id.CID(KindTree), id.Short())
	golden(t, "vectors.txt", b.String())
}

// FuzzDecoders: whatever a decoder accepts, its encoder writes again.
func FuzzDecoders(f *testing.F) {
	for _, b := range samples(f) {
		f.Add(b)
	}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(what string, enc []byte) {
			if !bytes.Equal(enc, b) {
				t.Errorf("%s: two encodings of one value", what)
			}
		}
		for _, s := range []shape{treeShape, listShape} {
			if n, err := decodeNode(s, b); err == nil {
				var items []item
				for _, it := range n.items {
					if n.level == 0 {
						items = append(items, s.leaf(it))
					} else if s.kind == KindTree {
						items = append(items, s.branch(it.key, it.id, it.count, it.bytes))
					} else {
						items = append(items, s.branch("", it.id, 0, it.bytes))
					}
				}
				same("node", encodeNode(n.level, items))
			}
		}
		if s, err := DecodeSnapshot(b); err == nil {
			enc, err := EncodeSnapshot(s)
			if err != nil {
				t.Error(err)
			}
			same("snapshot", enc)
		}
		if s, err := DecodeSettings(b, key); err == nil {
			enc, err := s.Encode()
			if err != nil {
				t.Error(err)
			}
			same("settings", enc)
		}
		if r, err := DecodeRecord(b); err == nil {
			same("record", r.Encode())
		}
		if s, err := decodeStatement(b); err == nil {
			same("statement", s.encode())
		}
		if a, err := DecodeAdmission(b); err == nil {
			same("admission", a.Encode())
		}
		if r, err := DecodeRevocation(b); err == nil {
			same("revocation", r.Encode())
		}
		if g, err := DecodeGeneration(b, key); err == nil {
			same("generation", g.Encode())
		}
		if x, err := DecodeXattrs(b); err == nil {
			enc, err := EncodeXattrs(x)
			if err != nil {
				t.Error(err)
			}
			same("xattrs", enc)
		}
		for k := KindChunk; k <= KindMail; k++ {
			_ = Validate(k, b) // must not panic
			_, _ = Links(k, b) // must not panic
			_, _ = CleanPath(string(b))
			_, _ = ParsePrefix(string(b))
			_, _ = ParseDeviceID(string(b))
		}
	})
}
