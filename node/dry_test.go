package node_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// What is only asked, and what stands where something is restored to, is not
// stored.
func TestOnlyAskedStoresNothing(t *testing.T) {
	ctx := context.Background()
	d := newDevice(t, testSecret().Words())
	large := make([]byte, 40<<20) // more than a pack
	rand.NewChaCha8([32]byte{1}).Read(large)
	file, out := filepath.Join(filepath.Dir(d.dir), "large"), t.TempDir()
	for _, p := range []string{file, filepath.Join(out, "there")} {
		if err := os.WriteFile(p, large, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d.dir, "small"), []byte("small"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if _, err := d.Mkdir(ctx, node.PathRequest{Path: "/docs/" + when}); err != nil { // it stores what is pending, too
			t.Fatal(err)
		}
		if i, err := d.Info(ctx); err != nil || i.Stored > 1<<20 {
			t.Fatalf("%s: %d bytes are stored: %v", when, i.Stored, err)
		}
	}
	restore := node.RestoreRequest{Refs: []string{"latest:/docs"}, To: out, Overwrite: "changed", Verify: true}
	for _, dry := range []bool{true, false} {
		restore.DryRun = dry
		if r, err := d.Restore(ctx, restore); err != nil || r.Applied.Created != 1 {
			t.Fatal(r, err)
		}
		check("restore")
	}
	if r, err := d.Add(ctx, node.AddRequest{Sources: []string{file}, Path: "/docs", DryRun: true}); err != nil || r.Applied.Created != 1 {
		t.Fatal(r, err)
	}
	check("add")
	if _, err := d.PutFile(ctx, node.PathRequest{Path: "/docs/x", DryRun: true}, bytes.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	check("put")
	if err := os.Rename(file, filepath.Join(d.dir, "large")); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Diff(ctx, node.DiffRequest{}); err != nil || len(r.Changes) == 0 {
		t.Fatal(r, err)
	}
	if r, err := d.Snapshot(ctx, node.SnapshotRequest{DryRun: true}); err != nil || r.Stat.Added != 1 {
		t.Fatal(r, err)
	}
	if i, err := d.Info(ctx); err != nil || i.Stored > 1<<20 {
		t.Fatalf("%d bytes are stored: %v", i.Stored, err)
	}
	if r, err := d.Snapshot(ctx, node.SnapshotRequest{}); err != nil || r.NewBytes < 40<<20 {
		t.Fatal(r, err)
	}
}
