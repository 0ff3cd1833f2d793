package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// A mapping whose deletions wait for consent keeps what it has; the others
// go on.
func TestBrakeHoldsOneMapping(t *testing.T) {
	ctx := context.Background()
	a, b := newDevice(t, testSecret().Words()), newDevice(t, "")
	for i := range 60 {
		a.write(t, fmt.Sprintf("file %d", i), "text")
	}
	others := [2]string{filepath.Join(t.TempDir(), "x"), filepath.Join(t.TempDir(), "y")}
	if err := errors.Join(os.Mkdir(others[0], 0o755), os.Mkdir(others[1], 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.MapAdd(ctx, node.MapRequest{Path: "/ze", Dir: others[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	inv, err := a.Invite(ctx, node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(ctx, node.JoinRequest{Ticket: inv.Ticket, Maps: []string{"/docs=" + b.dir, "/ze=" + others[1]}}); err != nil {
		t.Fatal(err)
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	if !there(filepath.Join(b.dir, "file 0")) {
		t.Fatal("the first sync brought nothing")
	}
	for i := range 60 {
		if err := os.Remove(filepath.Join(a.dir, fmt.Sprintf("file %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(others[0], "new"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sync(ctx, node.SyncRequest{}); node.Explain(err) == nil || node.Explain(err).Kind != node.Brake {
		t.Fatalf("no brake: %v", err)
	}
	if !there(filepath.Join(b.dir, "file 0")) || !there(filepath.Join(others[1], "new")) {
		t.Fatalf("braked mapping kept: %t, the other applied: %t", there(filepath.Join(b.dir, "file 0")), there(filepath.Join(others[1], "new")))
	}
	b.write(t, "mine", "written while it waits")
	if _, err := b.Sync(ctx, node.SyncRequest{}); node.Explain(err) == nil || node.Explain(err).Kind != node.Brake {
		t.Fatalf("no brake the second time: %v", err)
	}
	if _, err := b.Sync(ctx, node.SyncRequest{AcceptDeletes: true}); err != nil {
		t.Fatal(err)
	}
	if there(filepath.Join(b.dir, "file 0")) || !there(filepath.Join(b.dir, "mine")) {
		t.Fatal("after consent the deletions are not applied, or an own file is gone")
	}
	if _, err := a.Sync(ctx, node.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	if there(filepath.Join(a.dir, "file 0")) || !there(filepath.Join(a.dir, "mine")) {
		t.Fatal("the deletions came back, or the other's file did not arrive")
	}
}
