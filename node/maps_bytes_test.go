package node_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// Mapped directories whose names are no UTF-8 are two mappings, and each is what
// it is called.
func TestMappingsThatAreNotUTF8(t *testing.T) {
	ctx := context.Background()
	d := newDevice(t, testSecret().Words())
	for _, name := range []string{"caf\xe9", "caf\xe8"} {
		dir := filepath.Join(filepath.Dir(d.dir), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skip("no such names here: ", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := d.MapAdd(ctx, node.MapRequest{Path: "/" + name, Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := d.Snapshot(ctx, node.SnapshotRequest{}); err != nil || s.Files != 2 {
		t.Fatalf("%d files stored: %v", s.Files, err)
	}
	l, err := d.Ls(ctx, node.ShowRequest{Ref: "/", Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range l.Entries {
		got = append(got, e.Raw())
	}
	if want := "/caf\xe8 /caf\xe8/f /caf\xe9 /caf\xe9/f"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	maps, err := d.MapRemove(ctx, node.MapRequest{Path: "/caf\xe9"})
	if err != nil || len(maps.Maps) != 2 || maps.Maps[0].Raw() != "/caf\xe8" {
		t.Errorf("left: %+v, %v", maps.Maps, err)
	}
	if _, err := d.Mkdir(ctx, node.PathRequest{Path: "/docs/x\xff"}); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Log(ctx, node.LogRequest{Limit: 1}); err != nil || s.Snapshots[0].Message != `mkdir /docs/x\xff` {
		t.Errorf("%+v, %v", s.Snapshots, err)
	}
}
