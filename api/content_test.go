package api

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// Content whose end is damaged reaches the client as damage, and any other
// program as an answer that is broken off; content that cannot be read at all
// is a problem for both.
func TestDamagedContent(t *testing.T) {
	for name, all := range map[string]bool{"all": true, "the end": false} {
		t.Run(name, func(t *testing.T) { damagedContent(t, all) })
	}
}

func damagedContent(t *testing.T, all bool) {
	ctx := context.Background()
	n, docs := newNode(t, true)
	big, r := make([]byte, 8<<20), rand.New(rand.NewPCG(1, 2))
	for i := range big {
		big[i] = byte(r.Uint32())
	}
	// Its first half is longer than any chunk, and lies in a pack of its own.
	var packs []string
	for _, end := range []int{len(big) / 2, len(big)} {
		if err := os.WriteFile(filepath.Join(docs, "big"), big[:end], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
			t.Fatal(err)
		}
		now, err := filepath.Glob(filepath.Join(filepath.Dir(docs), "home", "repo", "packs", "data", "*", "*.pack"))
		if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, slices.DeleteFunc(now, func(p string) bool { return slices.Contains(packs, p) })...)
	}
	if len(packs) != 2 {
		t.Fatalf("packs %q", packs)
	}
	m := NewMemory()
	srv := Serve(m, Handler(n, Options{}))
	c := NewClient(m.Dial)
	plain := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return m.Dial(ctx) }}}
	t.Cleanup(func() {
		c.Close()
		plain.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})

	hurt := packs
	if !all {
		hurt = packs[1:]
	}
	for _, p := range hurt {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(b); i += 16 {
			b[i] ^= 0xff
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	body, err := c.Content(ctx, "/docs/big")
	var got []byte
	if err == nil {
		got, err = io.ReadAll(body)
		body.Close()
	}
	if e := node.Explain(err); e == nil || e.Kind != node.Damage || !strings.Contains(e.Hint, "bsv sync") || !strings.Contains(e.Msg, ".pack") {
		t.Errorf("the client got %d bytes and %#v", len(got), e)
	}
	if !all && (len(got) == 0 || string(got) != string(big[:len(got)])) {
		t.Errorf("of what is whole the client got %d bytes", len(got))
	}
	res, err := plain.Get(origin + "content?ref=/docs/big")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err = io.ReadAll(res.Body)
	if all {
		if res.StatusCode != 500 || !strings.Contains(string(got), `"code":13`) {
			t.Errorf("another program: %s, %d bytes", res.Status, len(got))
		}
	} else if res.ContentLength != int64(len(big)) || err == nil {
		t.Errorf("another program was promised %d bytes, got %d, and no error", res.ContentLength, len(got))
	}
}
