package node_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/discovery"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/node"
)

// fragile is a device whose repository is in memory and whose power can go.
type fragile struct {
	t    *testing.T
	r    *rand.Rand
	tmp  string
	dir  string
	mem  *vfs.Mem
	fail *vfs.Fail
	home *home.Home
	n    *node.Node

	net   bool
	keep  map[string]string // snapshot → listing, acknowledged
	order []string
}

func newFragile(t *testing.T, r *rand.Rand, net bool) *fragile {
	f := &fragile{t: t, r: r, tmp: t.TempDir(), mem: vfs.NewMem(), net: net, keep: map[string]string{}}
	f.dir = filepath.Join(f.tmp, "docs")
	h := filepath.Join(f.tmp, "home") // its own name is on the real disk
	if err := f.mem.MkdirAll(h, 0o700); err != nil {
		t.Fatal(err)
	}
	for d := h; ; d = filepath.Dir(d) {
		if err := f.mem.SyncDir(d); err != nil {
			t.Fatal(err)
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	if err := os.Mkdir(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return f
}

// boot opens the node; the power goes at the chosen visits of points.
func (f *fragile) boot(cutAt map[string]int) error {
	ctx := context.Background()
	f.fail = &vfs.Fail{FS: f.mem, Err: syscall.EIO}
	fail := f.fail
	var err error
	if f.home, err = home.Open(ctx, home.Paths{Dir: filepath.Join(f.tmp, "home"), Config: filepath.Join(f.tmp, "config.toml")}, home.Options{Create: true}); err != nil {
		return err
	}
	in := fault.New(cutAt, func(string) { fail.Cut() })
	if f.n, err = node.Open(ctx, node.Options{Home: f.home, FS: f.fail, Fault: in}); err != nil {
		return errors.Join(err, f.home.Close())
	}
	if !f.n.HasVault() && !f.net {
		if _, err = f.n.Init(ctx, node.InitRequest{Words: testSecret().Words(), Dirs: []string{f.dir}}); err != nil {
			return errors.Join(err, f.off())
		}
	}
	if f.net {
		h, err := discovery.New(ctx, discovery.Options{Key: f.n.Identity(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
		if err != nil {
			return errors.Join(err, f.off())
		}
		f.n.StartNetwork(h)
	}
	return nil
}

func (f *fragile) off() error {
	err := f.n.Close()
	return errors.Join(err, f.home.Close())
}

// crash drops what was not synced, sometimes with the index.
func (f *fragile) crash() {
	f.fail.Cut()
	_ = f.off() // the disk is gone: errors are as they must be
	f.mem.Crash(f.r)
	if f.r.IntN(2) == 0 {
		if err := os.Remove(filepath.Join(f.tmp, "home", "index.db")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.t.Fatal(err)
		}
	}
}

func (f *fragile) scribble(round int) {
	for range 1 + f.r.IntN(6) {
		p := filepath.Join(f.dir, fmt.Sprintf("d%d", f.r.IntN(4)), fmt.Sprintf("f%d", f.r.IntN(12)))
		if f.r.IntN(5) == 0 {
			_ = os.Remove(p) // it may not be there
			continue
		}
		b := make([]byte, f.r.IntN(3000))
		if f.r.IntN(4) == 0 {
			b = make([]byte, f.r.IntN(300_000))
		}
		for i := range b {
			b[i] = byte(f.r.Uint32())
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, fmt.Appendf(b, "round %d", round), 0o644)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// files lists a directory's files with their content.
func files(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".bsvmap" {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out = append(out, fmt.Sprintf("%s %x", rel, b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// snapshot takes one; when it was acknowledged, what it must restore to is
// kept.
func (f *fragile) snapshot() {
	want := files(f.t, f.dir)
	res, err := f.n.Snapshot(context.Background(), node.SnapshotRequest{})
	if err == nil && res.Snapshot != "" {
		if f.keep[res.Snapshot] == "" {
			f.order = append(f.order, res.Snapshot)
		}
		f.keep[res.Snapshot] = want
	}
}

var errLoss = errors.New("loss")

// check is the promise: acknowledged snapshots restore bit for bit, own ones
// that were not are absent or whole. A peer's record may wait for its objects.
func (f *fragile) check(all bool) error {
	ctx := context.Background()
	st, err := f.n.Status(ctx)
	if err != nil {
		return fmt.Errorf("%w: status: %w", errLoss, err)
	}
	if len(st.Damaged) > 0 { // no snapshot is acknowledged any more, so none could be lost
		return fmt.Errorf("%w: it misses what it had: %v", errLoss, st.Damaged)
	}
	if len(st.Pending) > 0 && !f.net {
		return fmt.Errorf("%w: a record names what is not there: %v", errLoss, st.Pending)
	}
	ids := f.order
	if !all && len(ids) > 2 {
		ids = ids[len(ids)-2:]
	}
	for _, id := range ids {
		to := filepath.Join(f.tmp, "to")
		if _, err := f.n.Restore(ctx, node.RestoreRequest{Refs: []string{id + ":/docs"}, To: to}); err != nil {
			return fmt.Errorf("%w: an acknowledged snapshot does not restore: %w", errLoss, err)
		}
		got := files(f.t, to)
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if got != f.keep[id] {
			return fmt.Errorf("%w: an acknowledged snapshot restores differently", errLoss)
		}
	}
	return nil
}

// snapshotPoints are the crash points of a snapshot, each with the visit at
// which the power goes.
func snapshotPoints() []string {
	var out []string
	for _, p := range []string{
		"scan.dir", "scan.file", "snapshot.built", "cas.pack.begin", "cas.pack.written", "cas.pack.synced", "cas.pack.renamed", "cas.pack.durable",
		"cas.index.begin", "cas.index.written", "snapshot.committed", "state.begin", "state.written",
		"record.begin", "cas.record.written", "cas.record.synced", "cas.record.renamed", "cas.record.durable", "record.published",
	} {
		out = append(out, p+":1", p+":2", p+":3")
	}
	return out
}

// powerCuts cuts the power at each point of a snapshot in turn, with
// everything lost that was not synced.
func powerCuts(t *testing.T, seed uint64, drop bool, also map[string]int) error {
	r := rand.New(rand.NewPCG(seed, 11))
	f := newFragile(t, r, false)
	if err := f.boot(nil); err != nil {
		return err
	}
	f.mem.DropSyncs = drop
	f.snapshot()
	f.crash()
	points := snapshotPoints()
	r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	for round, p := range points {
		name, num, _ := strings.Cut(p, ":")
		cut := map[string]int{name: int(num[0] - '0')}
		for k, v := range also {
			cut[k] = v
		}
		if err := f.boot(cut); err != nil { // the power may go while it boots: it finishes what was interrupted
			f.mem.Crash(r)
			if err := f.boot(nil); err != nil {
				return fmt.Errorf("seed %d, round %d, before %s: %w: %w", seed, round, p, errLoss, err)
			}
		}
		if err := f.check(false); err != nil {
			return errors.Join(fmt.Errorf("seed %d, round %d, before %s: %w", seed, round, p, err), f.off())
		}
		for range 3 {
			f.scribble(round)
			f.snapshot()
		}
		f.crash()
	}
	if err := f.boot(nil); err != nil {
		return err
	}
	return errors.Join(f.check(true), f.off())
}

func TestPowerCutSnapshot(t *testing.T) {
	for seed := range uint64(powerCutRounds(t, 2)) {
		if err := powerCuts(t, seed, false, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// syncCuts cuts a device's power at random points while another one's
// snapshots arrive and are applied. What it acknowledged to the other one is
// there afterwards, without the other one.
func syncCuts(t *testing.T, seed uint64, rounds int, drop bool) error {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seed, 12))
	a := newDevice(t, testSecret().Words())
	f := newFragile(t, r, true)
	if err := f.boot(nil); err != nil {
		return err
	}
	inv, err := a.Invite(ctx, node.InviteRequest{})
	if err != nil {
		return errors.Join(err, f.off())
	}
	if _, err := f.n.Join(ctx, node.JoinRequest{Ticket: inv.Ticket, Maps: []string{"/docs=" + f.dir}}); err != nil {
		return errors.Join(err, f.off())
	}
	if err := f.off(); err != nil {
		return err
	}
	f.mem.DropSyncs = drop
	points := append(snapshotPoints(), "apply.begin:1", "apply.written:1", "apply.swap:1", "apply.exchanged:1", "apply.aside:1", "apply.done:1", "apply.synced:1", "apply.recorded:1")
	at := &fragile{t: t, r: r, dir: a.dir} // edits on the other side
	for round := range rounds {
		p := points[r.IntN(len(points))]
		name, num, _ := strings.Cut(p, ":")
		if err := f.boot(map[string]int{name: int(num[0] - '0')}); err != nil {
			f.mem.Crash(r)
			if err := f.boot(nil); err != nil {
				return fmt.Errorf("seed %d, round %d, before %s: %w: %w", seed, round, p, errLoss, err)
			}
		}
		for range 2 {
			at.scribble(round)
			want := files(t, a.dir)
			s, err := a.Snapshot(ctx, node.SnapshotRequest{})
			if err != nil {
				return errors.Join(err, f.off())
			}
			if _, err := f.n.Sync(ctx, node.SyncRequest{AcceptDeletes: true}); err != nil {
				continue // its power went
			}
			if _, err := a.Sync(ctx, node.SyncRequest{AcceptDeletes: true}); err == nil {
				f.order = append(f.order, s.Snapshot)
				f.keep[s.Snapshot] = want
			}
		}
		f.crash()
		if err := f.boot(nil); err != nil {
			return fmt.Errorf("seed %d, round %d, %s: %w: %w", seed, round, p, errLoss, err)
		}
		f.n.StopNetwork()
		if err := f.check(false); err != nil {
			return errors.Join(fmt.Errorf("seed %d, round %d, %s: %w", seed, round, p, err), f.off())
		}
		if err := f.off(); err != nil {
			return err
		}
	}
	if err := f.boot(nil); err != nil {
		return err
	}
	if _, err := f.n.Sync(ctx, node.SyncRequest{AcceptDeletes: true}); err != nil {
		return errors.Join(err, f.off())
	}
	if got := files(t, f.dir); got != files(t, a.dir) {
		return errors.Join(fmt.Errorf("seed %d: the two devices differ at the end", seed), f.off())
	}
	t.Logf("seed %d: %d power cuts, %d snapshots acknowledged", seed, rounds, len(f.order))
	if len(f.order) == 0 {
		return errors.Join(errors.New("nothing was acknowledged: the test proves nothing"), f.off())
	}
	return errors.Join(f.check(true), f.off())
}

func TestPowerCutSync(t *testing.T) {
	if err := syncCuts(t, 1, powerCutRounds(t, 24), false); err != nil {
		t.Fatal(err)
	}
}

func TestPowerCutSyncControl(t *testing.T) {
	if err := syncCuts(t, 1, 40, true); !errors.Is(err, errLoss) {
		t.Errorf("dropped syncs lose nothing: the test cannot fail: %v", err)
	}
}

// powerCutRounds is n times BSV_POWERCUTS, which the long form sets.
func powerCutRounds(t *testing.T, n int) int {
	v := os.Getenv("BSV_POWERCUTS")
	if v == "" {
		return n
	}
	k, err := strconv.Atoi(v)
	if err != nil || k < 1 {
		t.Fatalf("BSV_POWERCUTS=%q: not a number from 1", v)
	}
	return n * k
}

// The controls: without syncs, or with the record before its packs, the same
// test must find losses.
func TestPowerCutControls(t *testing.T) {
	if err := powerCuts(t, 1, true, nil); !errors.Is(err, errLoss) {
		t.Errorf("dropped syncs lose nothing: the test cannot fail: %v", err)
	}
	if err := powerCuts(t, 1, false, map[string]int{"record.early": 1 << 30}); !errors.Is(err, errLoss) {
		t.Errorf("a record before its packs breaks nothing: the test cannot fail: %v", err)
	}
}
