package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A full disk: the snapshot fails with its own exit code, what was
// acknowledged stays, and it works again when there is room.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	d := newDevice(t, "a")
	if err := os.MkdirAll(d.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m", "bsv", d.home).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.home).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	d.ok("init")
	d.ok("map", "add", "/docs", d.dir)
	write(t, filepath.Join(d.dir, "small"), "small")
	s := d.snapshot()
	acked := acknowledged{s.Snapshot, listing(t, d.dir)}
	r := rand.New(rand.NewPCG(1, 2))
	big := make([]byte, 40<<20)
	for i := range big {
		big[i] = byte(r.UintN(256))
	}
	write(t, filepath.Join(d.dir, "big"), string(big))
	cmd := d.command(t.Context(), "snapshot")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 16 {
		t.Fatalf("exit code %d: %s", cmd.ProcessState.ExitCode(), stderr.String())
	}
	t.Logf("%s", stderr.String())
	if err := d.verify(acked, "on a full disk"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(d.dir, "big")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.dir, "small"), "changed")
	if next := d.snapshot(); next.Snapshot == s.Snapshot {
		t.Fatal("no new snapshot after there was room again")
	}
	if err := d.verify(acked, "after the full disk"); err != nil {
		t.Fatal(err)
	}
}
