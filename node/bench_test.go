package node_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bsvsync/bsv/node"
)

// BenchmarkFirstSync brings Go's own source from one device to another that
// has nothing, on loopback: fetch, merge and apply, without the snapshot.
func BenchmarkFirstSync(b *testing.B) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	ctx := context.Background()
	for b.Loop() {
		b.StopTimer()
		from, to := newDevice(b, testSecret().Words()), newDevice(b, "")
		if err := os.CopyFS(filepath.Join(from.dir, "src"), os.DirFS(src)); err != nil {
			b.Fatal(err)
		}
		if _, err := from.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
			b.Fatal(err)
		}
		inv, err := from.Invite(ctx, node.InviteRequest{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		begin := time.Now()
		if _, err := to.Join(ctx, node.JoinRequest{Ticket: inv.Ticket}); err != nil {
			b.Fatal(err)
		}
		joined := time.Since(begin)
		if _, err := to.MapAdd(ctx, node.MapRequest{Path: "/docs", Dir: to.dir}); err != nil {
			b.Fatal(err)
		}
		if _, err := to.Sync(ctx, node.SyncRequest{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(joined.Seconds(), "fetch-s")
	}
}
