package proto

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	pb "google.golang.org/protobuf/proto"

	"github.com/bsvsync/bsv/keyring"
)

var update = flag.Bool("update", false, "write testdata anew")

func fill(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

// The vectors of docs/protocol.md, in testdata/vectors.txt: a name, then hex
// or text.
func TestVectors(t *testing.T) {
	const file = "testdata/vectors.txt"
	var b bytes.Buffer
	put := func(name string, v any) {
		if raw, ok := v.([]byte); ok {
			v = hex.EncodeToString(raw)
		}
		fmt.Fprintf(&b, "%s %v\n", name, v)
	}
	old, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	vectors := map[string]string{}
	for line := range strings.Lines(string(old)) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), " ")
		vectors[name] = v
	}
	joiner, other := [32]byte(fill(0x00, 32)), [32]byte(fill(0x20, 32))
	key := [32]byte(fill(0x40, 32))
	nj, no, wrapping := fill(0x60, 32), fill(0x80, 32), fill(0xa0, 32)
	secret := [16]byte(fill(0xc0, 16))

	put("hello.aad", HelloAAD(7, joiner, other))
	payload, err := pb.MarshalOptions{Deterministic: true}.Marshal(&HelloPayload{Version: 1, Chain: []byte("chain"), Tips: [][]byte{fill(0xe0, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	put("hello.payload", payload)
	sealed, err := hex.DecodeString(vectors["hello.sealed"]) // its nonce is random: the stored one must open
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		sealed = keyring.Seal(nil, &key, HelloAAD(7, joiner, other), payload)
	}
	put("hello.sealed", sealed)
	if got, err := keyring.Open(nil, &key, HelloAAD(7, joiner, other), sealed); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("hello.sealed opens to %x: %v", got, err)
	}
	if _, err := keyring.Open(nil, &key, HelloAAD(7, other, joiner), sealed); err == nil {
		t.Error("a Hello that is reflected opens")
	}

	put("pair.mac.joiner", PairMAC(secret, "joiner", joiner, other, nj, no, wrapping))
	put("pair.mac.inviter", PairMAC(secret, "inviter", joiner, other, nj, no, wrapping))
	commit := sha256.Sum256(nj)
	put("pair.commit", commit[:])
	digest := PairDigest(joiner, other, nj, no)
	put("pair.digest", digest[:])
	put("pair.words", keyring.FourWords(digest))
	put("ticket", testTicket())

	var wire bytes.Buffer
	w := NewConn(&pipe{})
	send := func(name string, f func() error) {
		t.Helper()
		w.Stream.(*pipe).out.Reset()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		put(name, bytes.Clone(w.Stream.(*pipe).out.Bytes()))
		wire.Write(w.Stream.(*pipe).out.Bytes())
	}
	send("frame.block", func() error { return w.SendBlock([][32]byte{joiner, other}, []byte("block")) })
	send("frame.end", func() error { return w.SendEnd(&End{Missing: [][]byte{other[:]}, Error: "gone"}) })
	send("message.ping", func() error {
		return w.Send(&Control{Message: &Control_Ping{Ping: &Ping{Nonce: 300}}}, MaxControl)
	})
	send("message.ack", func() error {
		return w.Send(&Control{Message: &Control_Ack{Ack: &Ack{Device: other[:], Incarnation: 1 << 32, Seq: 9, Digest: joiner[:]}}}, MaxControl)
	})
	send("message.fetch", func() error {
		return w.Send(&Request{Request: &Request_Fetch{Fetch: &Fetch{Want: [][]byte{joiner[:]}, Have: [][]byte{other[:]}}}}, MaxControl)
	})
	r := NewConn(&pipe{Reader: &wire})
	ids, block, _, err := r.ReceiveFrame()
	if err != nil || len(ids) != 2 || ids[0] != joiner || ids[1] != other || string(block) != "block" {
		t.Errorf("frame.block reads as %x %q: %v", ids, block, err)
	}
	if _, _, end, err := r.ReceiveFrame(); err != nil || end.GetError() != "gone" || len(end.GetMissing()) != 1 {
		t.Errorf("frame.end reads as %v: %v", end, err)
	}
	var c Control
	if err := r.Receive(&c, MaxControl); err != nil || c.GetPing().GetNonce() != 300 {
		t.Errorf("message.ping reads as %v: %v", &c, err)
	}

	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range vectors {
		if !strings.Contains(string(page), "["+name) && !strings.Contains(string(page), ", "+name) {
			t.Errorf("docs/protocol.md does not name the vector %s", name)
		}
	}
	if b.String() != string(old) {
		t.Errorf("the wire has changed:\n%s\nand not\n%s", b.String(), old)
	}
}
