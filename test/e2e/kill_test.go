package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how many processes the campaign kills in all: BSV_KILLS, or 200.
// Half of them fall into snapshots, three tenths into applies, the rest into
// syncs.
func kills(t *testing.T) int {
	if v := os.Getenv("BSV_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 10 {
			t.Fatalf("BSV_KILLS=%q: not a number of at least 10", v)
		}
		return n
	}
	return 200
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("BSV_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("BSV_SEED=%q: %v", v, err)
		}
		seed = n
	}
	t.Logf("seed %d: replay with BSV_SEED", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// killed runs a command and kills it after the delay. It reports whether the
// command ended by itself, and what it had printed.
func (d *device) killed(after time.Duration, env []string, args ...string) (out string, finished bool) {
	d.t.Helper()
	cmd := d.command(context.Background(), args...)
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	if err == nil {
		return stdout.String(), true
	}
	if cmd.ProcessState.ExitCode() >= 0 {
		d.t.Fatalf("bsv %v failed by itself: %v\n%s%s", args, err, stdout.String(), stderr.String())
	}
	return stdout.String(), false
}

// scribble makes a round's edits: new files, changed files, deletions.
func scribble(t *testing.T, r *rand.Rand, dir string, round int) {
	t.Helper()
	for range 1 + r.IntN(8) {
		p := filepath.Join(dir, fmt.Sprintf("d%d", r.IntN(6)), fmt.Sprintf("f%d", r.IntN(40)))
		switch r.IntN(5) {
		case 0:
			_ = os.Remove(p)
		case 1:
			b := make([]byte, r.IntN(600_000))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			write(t, p, string(b))
		default:
			write(t, p, fmt.Sprintf("round %d %d\n%s", round, r.Uint64(), bytes.Repeat([]byte("line\n"), r.IntN(2000))))
		}
	}
}

// acknowledged is a snapshot whose result was printed, with what it must
// restore to.
type acknowledged struct {
	id   string
	want manifest
}

func (d *device) verify(a acknowledged, when string) error {
	to := filepath.Join(d.t.TempDir(), "to")
	_, errs, code := d.run("restore", a.id+":/docs", "--to", to)
	if code != 0 {
		return fmt.Errorf("%s: restore %.16s: exit %d: %s", when, a.id, code, errs)
	}
	got := listing(d.t, to)
	_ = os.RemoveAll(to)
	if diff := a.want.differences(got); len(diff) > 0 {
		return fmt.Errorf("%s: %.16s restores differently:\n%s", when, a.id, lines(diff))
	}
	return nil
}

// snapshotCampaign kills snapshots: what was acknowledged restores, at the end
// again without the index, and what was not is absent or whole. It returns
// the first loss.
func snapshotCampaign(t *testing.T, r *rand.Rand, n int, env ...string) error {
	d := newDevice(t, "a")
	d.ok("init")
	d.ok("map", "add", "/docs", d.dir)
	scribble(t, r, d.dir, 0)
	d.ok("snapshot")
	var acked []acknowledged
	var typical time.Duration // of a snapshot of a few edits, after one that was killed
	done, cut := 0, 0
	for round := 0; cut < n; round++ {
		if round > 20*n {
			return fmt.Errorf("of %d snapshots only %d were killed", round, cut)
		}
		scribble(t, r, d.dir, round)
		want := listing(t, d.dir)
		whole := round%4 == 0
		after := time.Hour
		if !whole {
			after = time.Duration(r.Int64N(int64(typical) * 3 / 2))
		}
		begin := time.Now()
		out, finished := d.killed(after, env, "--json", "snapshot")
		if whole {
			typical = time.Since(begin)
		}
		if finished {
			done++
		} else {
			cut++
			if p := d.status().Pending; len(p) > 0 {
				return fmt.Errorf("after kill %d: a record names what is not there: %v", cut, p)
			}
		}
		if s := (snapshotResult{}); json.Unmarshal([]byte(out), &s) == nil && s.Snapshot != "" {
			acked = append(acked, acknowledged{s.Snapshot, want})
		}
		if len(acked) > 0 && round%10 == 0 {
			if err := d.verify(acked[len(acked)-1], fmt.Sprintf("round %d", round)); err != nil {
				return err
			}
		}
	}
	if len(acked) == 0 {
		return fmt.Errorf("no snapshot was acknowledged: the campaign proves nothing")
	}
	if err := os.Remove(filepath.Join(d.home, "index.db")); err != nil {
		return err
	}
	for i := 0; i < len(acked); i += max(1, len(acked)/20) {
		if err := d.verify(acked[i], "without the index"); err != nil {
			return err
		}
	}
	if err := d.verify(acked[len(acked)-1], "the last"); err != nil {
		return err
	}
	t.Logf("%d snapshots killed, %d finished, %d acknowledged", cut, done, len(acked))
	return nil
}

func TestKillSnapshot(t *testing.T) {
	if err := snapshotCampaign(t, seeded(t), kills(t)/2); err != nil {
		t.Fatal(err)
	}
}

// The control: with records written before their packs, and a kill between the
// two, the same campaign must find it.
func TestKillControl(t *testing.T) {
	if err := snapshotCampaign(t, seeded(t), 10, "BSV_FAULT=record.early"); err == nil {
		t.Fatal("a record before its packs breaks nothing: the campaign cannot fail")
	} else {
		t.Logf("found, as it must be: %v", err)
	}
}

// An apply in place is killed, then run to its end: each file is one of the
// two versions at any moment, and what the user wrote meanwhile stays.
func TestKillApply(t *testing.T) {
	r := seeded(t)
	d := newDevice(t, "a")
	d.ok("init")
	d.ok("map", "add", "/docs", d.dir)
	var versions []acknowledged
	for v := range 3 {
		for i := range 120 {
			write(t, filepath.Join(d.dir, fmt.Sprintf("d%d", i%7), fmt.Sprintf("f%d", i)), fmt.Sprintf("version %d file %d\n%s", v, i, bytes.Repeat([]byte("x"), r.IntN(30_000))))
		}
		for i := range 10 {
			_ = os.Remove(filepath.Join(d.dir, fmt.Sprintf("d%d", (v*10+i)%7), fmt.Sprintf("f%d", v*10+i)))
		}
		s := d.snapshot()
		versions = append(versions, acknowledged{s.Snapshot, listing(t, d.dir)})
	}
	begin := time.Now()
	d.ok("restore", "--delete", versions[0].id+":/docs")
	typical := time.Since(begin)
	same(t, "restored in place", versions[0].want, listing(t, d.dir))
	n := kills(t) * 3 / 10
	cut, at := 0, 0
	for round := 0; cut < n; round++ {
		if round > 20*n {
			t.Fatalf("of %d restores only %d were killed", round, cut)
		}
		next := (at + 1 + r.IntN(2)) % 3
		if _, finished := d.killed(time.Duration(r.Int64N(int64(typical)*5/4)), nil, "restore", "--delete", versions[next].id+":/docs"); !finished {
			cut++
		}
		for p, v := range listing(t, d.dir) {
			if strings.Contains(p, ".bsv-new-") || strings.Contains(p, ".bsv-swap-") {
				continue // of the apply that was killed: gone after the next one
			}
			known := false
			for _, w := range versions {
				known = known || w.want[p] == v
			}
			if !known && !isDir(v) {
				t.Fatalf("after kill %d: %s is no version: %s", cut, p, v)
			}
		}
		at = next
		if round%5 == 0 {
			own := filepath.Join(d.dir, fmt.Sprintf("mine-%d.txt", round))
			write(t, own, "mine\n")
			d.ok("restore", versions[at].id+":/docs")
			if got := read(own); got != "mine\n" {
				t.Fatalf("the user's file after a restore: %s", got)
			}
			if err := os.Remove(own); err != nil {
				t.Fatal(err)
			}
			d.ok("restore", "--delete", versions[at].id+":/docs")
			same(t, "restored after a kill", versions[at].want, listing(t, d.dir))
		}
	}
	if err := os.Remove(filepath.Join(d.home, "index.db")); err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if err := d.verify(v, "after the applies, without the index"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d restores killed", cut)
}

func isDir(v string) bool { return len(v) > 0 && v[0] == 'd' }

// Two nodes on loopback; after each edit one of them is killed and started
// again. They must show one state with every version, and every snapshot that
// both had restores on both, also without the index.
func TestKillSync(t *testing.T) {
	r := seeded(t)
	a, b := newDevice(t, "a"), newDevice(t, "b")
	args := map[*device][]string{}
	for _, d := range []*device{a, b} {
		args[d] = []string{"--no-mdns", "--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t))}
	}
	a.start(append(args[a], a.dir)...)
	b.start(args[b]...)
	b.ok("join", a.invite(), "/docs="+b.dir)
	n := kills(t) - kills(t)/2 - kills(t)*3/10
	var acked []acknowledged
	for round := range n {
		for _, d := range []*device{a, b} {
			scribbleOwn(t, r, d, round)
		}
		victim := []*device{a, b}[r.IntN(2)]
		time.Sleep(time.Duration(r.Int64N(int64(700 * time.Millisecond))))
		victim.kill()
		if r.IntN(3) == 0 {
			scribbleOwn(t, r, victim, round)
		}
		victim.start(args[victim]...)
		if round%4 == 3 || round == n-1 {
			eventually(t, 60*time.Second, fmt.Sprintf("round %d: both converge", round), func() error { return inSync(a, b) })
			for _, d := range []*device{a, b} {
				for p, text := range written[d.name+t.Name()] {
					if got := read(filepath.Join(a.dir, p)); got != text {
						t.Fatalf("round %d: %s of %s is %.40q, not what was written last", round, p, d.name, got)
					}
				}
			}
			scribbleOwn(t, r, victim, round) // so that one snapshot holds the state
			if s := victim.snapshot(); s.Root == victim.status().State {
				acked = append(acked, acknowledged{s.Snapshot, listing(t, victim.dir)})
			}
		}
	}
	if len(acked) == 0 {
		t.Fatal("no snapshot was acknowledged: the campaign proves nothing")
	}
	for _, d := range []*device{a, b} {
		d.stop()
		if err := os.Remove(filepath.Join(d.home, "index.db")); err != nil {
			t.Fatal(err)
		}
		for _, s := range acked {
			if err := d.verify(s, "at the end, without the index, on "+d.name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d nodes killed, %d snapshots restored on both", n, len(acked))
}

// written is what each device of a test wrote last; a device writes only
// below its own directory, so that no version may lose.
var written = map[string]map[string]string{}

func scribbleOwn(t *testing.T, r *rand.Rand, d *device, round int) {
	t.Helper()
	w := written[d.name+t.Name()]
	if w == nil {
		w = map[string]string{}
		written[d.name+t.Name()] = w
	}
	for range 1 + r.IntN(5) {
		p := filepath.Join("of-"+d.name, fmt.Sprintf("f%d", r.IntN(30)))
		text := fmt.Sprintf("round %d %d\n%s", round, r.Uint64(), bytes.Repeat([]byte("y"), r.IntN(20_000)))
		write(t, filepath.Join(d.dir, p), text)
		w[p] = text
	}
}
