package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	benchFirstSync(b, func(dir string) error { return os.CopyFS(filepath.Join(dir, "src"), os.DirFS(src)) })
}

// BenchmarkFirstSyncLarge brings one file of 512 MiB that does not compress.
func BenchmarkFirstSyncLarge(b *testing.B) {
	const size = 512 << 20
	b.SetBytes(size)
	benchFirstSync(b, func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "large"))
		if err != nil {
			return err
		}
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
		return errors.Join(err, f.Close())
	})
}

// benchFirstSync syncs what fill writes. fetch-s is how long the fetch took;
// bytes and allocations are those of both devices.
func benchFirstSync(b *testing.B, fill func(dir string) error) {
	b.ReportAllocs()
	ctx := context.Background()
	for b.Loop() {
		b.StopTimer()
		from, to := newDevice(b, testSecret().Words()), newDevice(b, "")
		if err := fill(from.dir); err != nil {
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

// BenchmarkRecentHistory asks a vault of 1,000 snapshots for the last ones.
func BenchmarkRecentHistory(b *testing.B) {
	ctx := context.Background()
	d := newDevice(b, testSecret().Words())
	for i := range 1000 {
		if _, err := d.Mkdir(ctx, node.PathRequest{Path: fmt.Sprintf("/docs/%d", i)}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("log", func(b *testing.B) {
		for b.Loop() {
			if r, err := d.Log(ctx, node.LogRequest{Limit: 10}); err != nil || len(r.Snapshots) != 10 {
				b.Fatal(len(r.Snapshots), err)
			}
		}
	})
	b.Run("range", func(b *testing.B) {
		for b.Loop() {
			if r, err := d.Log(ctx, node.LogRequest{Range: "latest~5..latest"}); err != nil || len(r.Snapshots) != 5 {
				b.Fatal(len(r.Snapshots), err)
			}
		}
	})
	b.Run("show", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Show(ctx, node.ShowRequest{Ref: "latest~3"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSaveInLargeDirectory saves one of 100,000 files of a directory again.
func BenchmarkSaveInLargeDirectory(b *testing.B) {
	b.ReportAllocs()
	ctx := context.Background()
	d := newDevice(b, testSecret().Words())
	for i := range 100_000 {
		if err := os.WriteFile(filepath.Join(d.dir, fmt.Sprintf("IMG_%06d.jpg", i)), fmt.Appendf(nil, "content %d", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := d.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := os.WriteFile(filepath.Join(d.dir, "IMG_000100.jpg"), fmt.Appendf(nil, "again %d", i), 0o644); err != nil {
			b.Fatal(err)
		}
		if r, err := d.Snapshot(ctx, node.SnapshotRequest{}); err != nil || !r.Created {
			b.Fatal(r, err)
		}
	}
}
