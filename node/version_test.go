package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
)

// What a newer bsv has written into the settings holds for this one: under
// newer merge rules snapshots go on, in a newer format nothing is written.
func TestNewerVault(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	n, err := Open(ctx, Options{Home: h})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	docs := filepath.Join(tmp, "docs")
	write := func(text string) {
		if err := errors.Join(os.MkdirAll(docs, 0o755), os.WriteFile(filepath.Join(docs, "a"), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	if _, err := n.Init(ctx, InitRequest{Dirs: []string{docs}}); err != nil {
		t.Fatal(err)
	}
	v, err := n.open()
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, value string) {
		v.view.join(v.view.set(v.id, name, value, false))
		if err := n.publish(ctx, v, object.ID{}); err != nil && !errors.Is(err, cas.ErrNewer) {
			t.Fatal(err)
		}
	}
	set("version/merge", "2")
	if r, err := n.Snapshot(ctx, SnapshotRequest{}); err != nil || !r.Created {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := v.env().Version; got != 2 {
		t.Fatalf("merges by version %d", got)
	}
	set("version/writer", "2")
	write("2")
	if _, err := n.Snapshot(ctx, SnapshotRequest{}); !errors.Is(err, cas.ErrNewer) {
		t.Fatalf("it writes into a vault of a newer format: %v", err)
	}
}
