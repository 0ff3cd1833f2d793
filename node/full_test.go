package node_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// smallDisk is a file system with room for size bytes of new files.
type smallDisk struct {
	vfs.FS
	mu   sync.Mutex
	size int64
	used map[string]int64
	// blind: it does not tell how much is left.
	blind bool
}

func newSmallDisk(size int64) *smallDisk {
	return &smallDisk{FS: vfs.OS{}, size: size, used: map[string]int64{}}
}

func (d *smallDisk) left() int64 {
	left := d.size
	for _, n := range d.used {
		left -= n
	}
	return left
}

func (d *smallDisk) grow(by int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size += by
}

func (d *smallDisk) Free(string) (uint64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return uint64(max(d.left(), 0)), !d.blind
}

func (d *smallDisk) Create(name string, perm fs.FileMode) (vfs.File, error) {
	f, err := d.FS.Create(name, perm)
	return &smallFile{f, d, name}, err
}

func (d *smallDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.FS.Rename(from, to)
	if err == nil {
		d.used[to] = d.used[from]
		delete(d.used, from)
	}
	return err
}

func (d *smallDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.FS.Remove(name)
	if err == nil {
		delete(d.used, name)
	}
	return err
}

type smallFile struct {
	vfs.File
	d    *smallDisk
	name string
}

func (f *smallFile) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if int64(len(b)) > f.d.left() {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.d.used[f.name] += int64(len(b))
	return f.File.Write(b)
}

// on puts a member's repository on a disk.
func (m *member) on(disk vfs.FS) {
	m.t.Helper()
	m.close()
	m.disk = disk
	m.open()
	m.start()
	quiet(5 * time.Second)
}

const bigFile = 3 << 20

// A device whose disk is full does not ask for the same again and again; both
// devices say so, syncs end at once with why, and when there is space again it
// goes on by itself.
func TestFullDiskStopsTheTransfer(t *testing.T) {
	for name, blind := range map[string]bool{"space is told": false, "space is not told": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				words := testSecret().Words()
				a, b := newMember(t, net, words), newMember(t, net, words)
				a.write("small", "1")
				a.save()
				quiet(5 * time.Second)
				disk := newSmallDisk(1 << 20)
				disk.blind = blind
				b.on(disk)
				before := a.Traffic().SentBytes
				a.write("big", string(noise(1, bigFile).plain))
				a.save()
				quiet(10 * time.Minute)
				sent := a.Traffic().SentBytes - before
				t.Logf("%d times in 10 minutes", sent/bigFile)
				if most := map[bool]uint64{false: 1, true: 11}[blind]; sent > most*bigFile+bigFile/2 {
					t.Errorf("%d bytes were sent of %d", sent, bigFile)
				}
				st := b.status()
				if len(st.Pending) != 1 || len(st.Peers) != 1 || st.Peers[0].UpToDate {
					t.Errorf("pending %v, peers %+v", st.Pending, st.Peers)
				}
				if len(st.Failing) != 1 || st.Failing[0].Work != "fetch" || st.Failing[0].Kind != node.NoSpace {
					t.Errorf("failing: %+v", st.Failing)
				}
				if w, ok := warned(st, "is full"); !ok || !strings.Contains(w.Command, "free some space") {
					t.Errorf("%+v", st.Warnings)
				}
				st = a.status()
				if p := st.Peers[0]; p.UpToDate || !p.Full {
					t.Errorf("%+v", p)
				}
				if w, ok := warned(st, "its disk is full"); !ok || !strings.Contains(w.Command, "free some space") {
					t.Errorf("%+v", st.Warnings)
				}
				syncs := func(m *member, want node.Kind, text string) {
					t.Helper()
					begin := time.Now()
					_, err := m.Sync(t.Context(), node.SyncRequest{})
					if e := node.Explain(err); e == nil || e.Kind != want || !strings.Contains(e.Msg, "is full") || !strings.Contains(e.Hint, text) {
						t.Errorf("sync: %v", err)
					}
					if took := time.Since(begin); took > 10*time.Second {
						t.Errorf("it ended after %v", took)
					}
				}
				syncs(a, node.Unreachable, "free some space there")
				syncs(b, node.NoSpace, "free some space, then run it again")
				b.write("own", "of b") // small things go on
				b.save()
				quiet(5 * time.Second)
				if a.files()["own"] != "of b" {
					t.Error("what the full device makes does not reach the other")
				}
				disk.grow(2 * bigFile)
				quiet(longest(blind))
				if b.files()["big"] == "" {
					t.Fatal("there is space, and it does not come")
				}
				for _, m := range []*member{a, b} {
					if st := m.status(); len(st.Warnings)+len(st.Failing) != 0 || !st.Peers[0].UpToDate || st.Peers[0].Full {
						t.Errorf("%+v, %+v", st.Warnings, st.Peers)
					}
				}
				m := a.sync()
				if len(m.Unreachable) != 0 {
					t.Errorf("%+v", m)
				}
			})
		})
	}
}

// longest is how long a device that goes on by itself takes for it.
func longest(blind bool) time.Duration {
	if blind {
		return 6 * time.Minute
	}
	return 40 * time.Second
}

// What the peer announced when the disk had room for nothing is said again when
// there is some.
func TestFullDiskTakesNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		quiet(5 * time.Second)
		disk := newSmallDisk(0)
		b.on(disk)
		before := a.Traffic().SentBytes
		a.write("f", string(noise(1, 100<<10).plain))
		a.save()
		quiet(10 * time.Minute)
		if sent := a.Traffic().SentBytes - before; sent > 16*100<<10 {
			t.Errorf("%d bytes were sent", sent)
		}
		if _, ok := warned(b.status(), "is full"); !ok {
			t.Errorf("%+v", b.status().Warnings)
		}
		if _, err := b.Sync(t.Context(), node.SyncRequest{}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("sync: %v", err)
		}
		if _, err := a.Sync(t.Context(), node.SyncRequest{}); err == nil || node.Explain(err).Kind != node.Unreachable || !strings.Contains(err.Error(), "its disk is full") {
			t.Errorf("sync of the other: %v", err)
		}
		disk.grow(4 << 20)
		quiet(time.Minute)
		if len(b.files()["f"]) != 100<<10 {
			t.Error("there is space, and it does not come")
		}
		if st := b.status(); len(st.Warnings)+len(st.Failing) != 0 {
			t.Errorf("%+v", st.Warnings)
		}
	})
}

// fullForRecords is a disk that has no room for the records of devices.
type fullForRecords struct{ vfs.FS }

func (d fullForRecords) Create(name string, perm fs.FileMode) (vfs.File, error) {
	if strings.Contains(name, "/records/") {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return d.FS.Create(name, perm)
}

// A snapshot is stored and the disk has no room for its record: what is stored
// can be read all the same, also after a new start, and the snapshot is published
// before the next one counts as taken.
func TestFullDiskCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, memnet.New(), testSecret().Words())
		a.write("f", "first")
		a.save()
		records := strings.Join(a.own(), " ")
		a.on(fullForRecords{vfs.OS{}})
		a.write("f", "second")
		for range 2 {
			if _, err := a.Snapshot(t.Context(), node.SnapshotRequest{}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("got %v", err)
			}
			a.on(fullForRecords{vfs.OS{}})
			if n := a.logged(); n != 2 {
				t.Errorf("%d snapshots", n)
			}
		}
		if got := strings.Join(a.own(), " "); got != records {
			t.Fatalf("there is a record: %s", got)
		}
		a.on(vfs.OS{})
		a.save()
		if got := strings.Join(a.own(), " "); got == records || a.logged() != 2 {
			t.Errorf("with space the records are %s", got)
		}
	})
}
