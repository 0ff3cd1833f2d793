package node_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/proto"
)

// What a snapshot costs to announce does not grow with those before it that the
// peer has not acknowledged yet.
func TestAnnouncementsOfAStream(t *testing.T) {
	ctx := context.Background()
	a := newDevice(t, testSecret().Words())
	a.write(t, "x", "begin")
	if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	silent := newEvil(t)
	c := silent.session(t, a.host)
	objects := func() (n int) { // of the next announcement that brings some
		for {
			var m proto.Control
			if err := c.Receive(&m, proto.MaxControl); err != nil {
				t.Fatal(err)
			}
			for _, b := range m.GetRecords().GetBlocks() {
				n += len(b.GetIds()) / 32
			}
			if n > 0 {
				return n
			}
		}
	}
	objects()
	var first int
	for i := range 12 {
		a.write(t, "x", fmt.Sprint("edit ", i))
		if _, err := a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
			t.Fatal(err)
		}
		n := objects()
		if i == 0 {
			first = n
		}
		if n > first {
			t.Fatalf("announcement %d brings %d objects, the first %d", i+1, n, first)
		}
	}
}
