package node_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// noRecords is a disk that takes no record while it is told so.
type noRecords struct {
	vfs.FS
	on atomic.Bool
}

func (d *noRecords) Create(name string, perm fs.FileMode) (vfs.File, error) {
	if d.on.Load() && strings.Contains(name, "records") {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return d.FS.Create(name, perm)
}

// A snapshot is in the store and its record cannot be written: what others do
// meanwhile is not applied, for the state that counts does not hold it, and the
// file would go from the disk.
func TestNewsBeforeTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		disk := &noRecords{FS: vfs.OS{}}
		b.on(disk)
		a.write("early", "1")
		a.save()
		quiet(3 * time.Second)
		disk.on.Store(true)
		b.write("mine", "the only copy")
		if _, err := b.Snapshot(t.Context(), node.SnapshotRequest{}); node.Explain(err).Kind != node.NoSpace {
			t.Fatalf("the record was written: %v", err)
		}
		a.write("news", "2")
		a.save()
		quiet(3 * time.Second)
		if got := b.files(); got["mine"] != "the only copy" {
			t.Errorf("b holds %v", got)
		}
		disk.on.Store(false)
		quiet(time.Minute)
		for _, m := range []*member{a, b} {
			if got := m.files(); got["mine"] != "the only copy" || got["news"] != "2" {
				t.Errorf("in the end it holds %v", got)
			}
		}
	})
}

// A device that publishes nothing more, because a copy of it seems to run,
// keeps what is saved here: not in the moment others have news alone, after a
// start, too.
func TestUnpublishedStaysOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		a.write("early", "1")
		a.save()
		quiet(3 * time.Second)
		for _, name := range []string{"one", "two"} { // the home is restored from an image twice
			a.close()
			image := copyHome(t, a, net)
			a.open()
			a.start()
			a.write(name, name)
			a.save()
			quiet(3 * time.Second)
			a.close()
			image.open()
			image.start()
			t.Cleanup(image.close)
			quiet(3 * time.Second)
			a = image
			a.write("after "+name, name)
			_, err := a.Snapshot(t.Context(), node.SnapshotRequest{})
			if err != nil && !errors.Is(err, node.ErrClone) {
				t.Fatal(err)
			}
			quiet(3 * time.Second)
		}
		if !a.warned("bsv join TICKET") {
			t.Fatal("the second image publishes: this test is about one that does not")
		}
		held := func(when string) {
			t.Helper()
			if got := a.files(); got["after two"] != "two" {
				t.Errorf("%s it holds %v", when, got)
			}
		}
		b.write("news", "1")
		b.save()
		quiet(3 * time.Second)
		held("after news")
		a.close()
		a.open()
		a.start()
		quiet(time.Minute)
		held("after a start")
		if m := a.status().Maps[0]; m.State != "failing" {
			t.Errorf("status says %s: %s", m.State, m.Reason)
		}
	})
}
