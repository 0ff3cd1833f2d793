package object

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/keyring"
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

// The keys of the vectors: K_id = 1 ‖ 31 zero bytes, K_split = 2 ‖ 31 zero
// bytes (testHasher), tag = 9 ‖ 15 zero bytes, the only device's and the
// admission key's seed = 32 bytes of 7.
var testTag = [16]byte{9}

func testKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)) }

// sampleNames is the order of the vectors.
var sampleNames = []string{
	"xattrs", "tree empty", "tree", "snapshot", "admission", "chain", "revocation", "generation", "settings", "statement", "record",
	"entry file", "entry dir", "entry symlink", "entry chunk", "entry list", "tree branch", "list", "list branch",
	"snapshot first", "conflict", "settings empty", "statement empty",
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
	key, tag := testKey(), testTag
	dev := DeviceID(key.Public().(ed25519.PublicKey))
	x := must(EncodeXattrs([]Xattr{{"user.b", "2"}, {"user.a", "\x00\xff"}}))
	out["xattrs"] = x
	empty, plain := EmptyTree(h)
	out["tree empty"] = plain
	list := []Entry{
		{Name: "a\xff\n", Kind: File, Content: Content{Inline: "hello"}, Size: 5, Mode: 0o4755, MTime: -1, Xattrs: Content{Inline: string(x)}, Owner: "0:0:root:root"},
		{Name: "b", Kind: Dir, Tree: empty, Mode: 0o755, MTime: 1 << 60},
		{Name: "c", Kind: Symlink, Target: "../x", MTime: 7},
		{Name: "d", Kind: File, Content: Content{Kind: KindChunk, ID: h.Sum(KindChunk, []byte("chunk"))}, Size: 200, Mode: 0o644},
		{Name: "e", Kind: File, Content: Content{Kind: KindList, ID: h.Sum(KindList, []byte("list"))}, Size: 1 << 33, Mode: 0o600},
	}
	for i, kind := range []string{"file", "dir", "symlink", "chunk", "list"} {
		out["entry "+kind] = appendEntry(nil, list[i])
	}
	root, sum, err := BuildTree(ctx, h, st, seq(list))
	if err != nil {
		t.Fatal(err)
	}
	out["tree"] = must(st.Get(ctx, root))
	out["tree branch"] = encodeNode(1, []item{treeShape.branch("e", root, sum.Entries, sum.Bytes), treeShape.branch("f", ID{1}, 1, 0)})
	pieces := []item{listShape.leaf(item{id: ID{1}, bytes: 1 << 20}), listShape.leaf(item{id: ID{2}, bytes: 7})}
	out["list"] = encodeNode(0, pieces)
	out["list branch"] = encodeNode(1, []item{listShape.branch("", ID{3}, 0, 1<<20+7), listShape.branch("", ID{4}, 0, 1<<40)})
	c := Conflict{Path: "/a", Type: "content", Base: &list[0], Sides: []Side{{Entry: list[0], Snapshot: ID{1}, Device: dev, Time: 3}, {Entry: list[3], Device: dev}}, Winner: 1, Copies: []string{"/a.conflict-aaaaaaaa"}}
	out["conflict"] = appendConflict(nil, c)
	s := Snapshot{Root: root, Parents: []ID{{1}, {2}}, Base: empty, MergeVersion: 1, Device: dev, Time: 1_700_000_000_000_000_000, Message: "grüße", Files: 3, Bytes: 5, Conflicts: []Conflict{c}}
	out["snapshot"] = must(EncodeSnapshot(s))
	out["snapshot first"] = must(EncodeSnapshot(Snapshot{Root: empty, Device: dev, Time: -1}))
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
	out["settings empty"] = must(Settings{}.Encode())
	out["statement"] = testStatement(dev).encode()
	out["statement empty"] = Statement{}.encode()
	rec := Record{Outer: Outer{Tag: tag, Device: dev, Incarnation: 1 << 32, Seq: 1}, Sealed: []byte("sealed")}
	copy(rec.Sig[:], ed25519.Sign(key, rec.signed()))
	out["record"] = rec.Encode()
	return out
}

func testStatement(dev DeviceID) Statement {
	return Statement{Time: 5, Head: ID{1}, Seen: []Seen{{dev, 1, 2}}, Settings: ID{2}, Acknowledged: [][32]byte{{3}}, Capabilities: 1, Addresses: []string{"/ip4/1.2.3.4/tcp/1"}}
}

func TestVectors(t *testing.T) {
	all := samples(t)
	if len(all) != len(sampleNames) {
		t.Errorf("%d samples, %d names", len(all), len(sampleNames))
	}
	var b strings.Builder
	for _, name := range sampleNames {
		fmt.Fprintf(&b, "%s: %s\n", name, hex.EncodeToString(all[name]))
	}
	h := testHasher()
	for name, kind := range map[string]Kind{"tree": KindTree, "snapshot": KindSnapshot} {
		if err := Validate(kind, all[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := h.Sum(KindTree, all["tree"])
	fmt.Fprintf(&b, "id of tree: %s %s\n", id.CID(KindTree), id.Short())
	chunk := h.Sum(KindChunk, []byte("chunk"))
	fmt.Fprintf(&b, "id of the chunk \"chunk\": %s %s\n", chunk.CID(KindChunk), chunk.Short())
	fmt.Fprintf(&b, "device id: %s\n", DeviceID(testKey().Public().(ed25519.PublicKey)))
	golden(t, "vectors.txt", b.String())
}

// TestSplitVectors fixes where nodes end: of the names 0000 to 0999, and the
// roots of a tree and a list that have several nodes.
func TestSplitVectors(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	var b strings.Builder
	var list []Entry
	var pieces []Piece
	var ends [2][]string
	for i := range 1000 {
		name := fmt.Sprintf("%04d", i)
		list = append(list, fileEntry(name, name))
		pieces = append(pieces, Piece{h.Sum(KindChunk, []byte(name)), uint64(1000 + i)})
		for level := range uint8(2) {
			if h.ends(level, name, treeShape.mod) {
				ends[level] = append(ends[level], name)
			}
		}
	}
	for level, names := range ends {
		fmt.Fprintf(&b, "names that end a node of level %d: %s\n", level, strings.Join(names, " "))
	}
	root, sum, err := BuildTree(ctx, h, st, seq(list))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "tree of 1000 files, each with its name as content, mode 0644, time 5: %s, %d entries, %d bytes\n", root.CID(KindTree), sum.Entries, sum.Bytes)
	long := listOfPieces(t, h, st, pieces)
	fmt.Fprintf(&b, "list of 1000 chunks, whose bytes are the names, of lengths 1000 to 1999: %s\n", long.CID(KindList))
	for _, n := range []struct {
		what string
		s    shape
		id   ID
	}{{"tree", treeShape, root}, {"list", listShape, long}} {
		top, err := loadRoot(ctx, st, n.s, n.id)
		if err != nil || top.level == 0 {
			t.Fatal(n.what, top.level, err)
		}
		fmt.Fprintf(&b, "root of the %s: level %d, %d items\n", n.what, top.level, len(top.items))
	}
	golden(t, "splits.txt", b.String())
}

// TestSealedRecordVector opens a record of the committed file: sealing draws a
// nonce, so that its bytes cannot be made again. -update writes a new one.
func TestSealedRecordVector(t *testing.T) {
	const file = "testdata/sealed-record.txt"
	keys := keyring.Secret{1}.Keys()
	dev := DeviceID(testKey().Public().(ed25519.PublicKey))
	o := Outer{Tag: keys.Tag, Device: dev, Incarnation: 1<<32 | 7, Seq: 3, Prev: [32]byte{4}}
	if *update {
		r, err := SealRecord(keys, testKey(), o, testStatement(dev))
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
	r, err := DecodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	said, err := r.Open(keys)
	if err != nil || r.Outer != o || !reflect.DeepEqual(said, testStatement(dev)) {
		t.Errorf("%+v %+v %v", r.Outer, said, err)
	}
}
