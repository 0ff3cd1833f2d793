package node_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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

// benchFirstSync syncs what fill writes. fetch-s is how long the fetch took,
// cores how many cores were at work meanwhile, and MiB/op and allocs/op count
// both devices.
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
		begin, busy := time.Now(), cpuTime(b)
		if _, err := to.Join(ctx, node.JoinRequest{Ticket: inv.Ticket}); err != nil {
			b.Fatal(err)
		}
		joined, busy := time.Since(begin), cpuTime(b)-busy
		if _, err := to.MapAdd(ctx, node.MapRequest{Path: "/docs", Dir: to.dir}); err != nil {
			b.Fatal(err)
		}
		if _, err := to.Sync(ctx, node.SyncRequest{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(joined.Seconds(), "fetch-s")
		b.ReportMetric(busy.Seconds()/joined.Seconds(), "fetch-cores")
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
