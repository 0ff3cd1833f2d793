package node_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/node"
)

// A home below a mapped directory is left out of it, by whatever links its
// path goes.
func TestHomeIsHiddenBehindALink(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	docs, link := filepath.Join(tmp, "docs"), filepath.Join(tmp, "link")
	if err := os.MkdirAll(filepath.Join(docs, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(docs, "a"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("docs", link); err != nil {
		t.Skip("no links here: ", err)
	}
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(link, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	n, err := node.Open(ctx, node.Options{Home: h})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.Init(ctx, node.InitRequest{Words: testSecret().Words(), Dirs: []string{docs}}); err != nil {
		t.Fatal(err)
	}
	s, err := n.Snapshot(ctx, node.SnapshotRequest{})
	if err != nil || s.Files != 1 {
		t.Fatalf("%d files of a directory with one, beside bsv's own: %v", s.Files, err)
	}
}
