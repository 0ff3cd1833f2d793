package node_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bsvsync/bsv/node"
)

// Single commands leave no pack each, without a node that watches.
func TestCommandsLeaveFewPacks(t *testing.T) {
	ctx := context.Background()
	d := newDevice(t, testSecret().Words())
	for i := range 60 {
		if _, err := d.Mkdir(ctx, node.PathRequest{Path: fmt.Sprintf("/docs/%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	i, err := d.Info(ctx)
	if err != nil || i.Packs >= 30 {
		t.Errorf("%d packs after 60 edits: %v", i.Packs, err)
	}
	if l, err := d.Log(ctx, node.LogRequest{}); err != nil || len(l.Snapshots) < 60 {
		t.Errorf("%d snapshots: %v", len(l.Snapshots), err)
	}
}
