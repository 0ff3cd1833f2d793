package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/bsvsync/bsv/internal/durable"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
)

// crashes writes new over old and counts what a crash at each point and after
// the end leaves of it.
func crashes(t *testing.T, drop bool) map[string]int {
	t.Helper()
	got := map[string]int{}
	for seed := range uint64(100) {
		m := vfs.NewMem()
		write := func(text string, in *fault.Injector) {
			if err := durable.Write(m, "d/f", ".tmp", []byte(text), 0o600, in, "f"); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(m.MkdirAll("d", 0o700), m.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		write("old", nil)
		m.DropSyncs = drop
		look := func(point string) {
			c := m.CrashClone(rand.New(rand.NewPCG(seed, uint64(len(point)))))
			b, err := vfs.ReadFile(c, "d/f", 1<<20)
			got[fmt.Sprintf("%s %q %v", point, b, err != nil)]++
		}
		write("new", fault.Trace(look))
		look("end")
	}
	return got
}

// After a crash a file is wholly the old one or wholly the new one, and the
// new one once Write has returned.
func TestWriteIsAtomicAndDurable(t *testing.T) {
	allowed := map[string]bool{}
	for _, p := range []string{"f.written", "f.synced"} {
		allowed[p+` "old" false`] = true
	}
	allowed[`f.renamed "old" false`], allowed[`f.renamed "new" false`], allowed[`end "new" false`] = true, true, true
	got := crashes(t, false)
	for k, n := range got {
		if !allowed[k] {
			t.Errorf("%s: %d times", k, n)
		}
	}
	for k := range allowed {
		if got[k] == 0 {
			t.Errorf("%s never happens", k)
		}
	}
}

// The control: without syncs the file is torn, or still the old one.
func TestWriteControl(t *testing.T) {
	got := crashes(t, true)
	if got[`end "new" false`] == 100 || got[`end "\x00\x00\x00" false`] == 0 {
		t.Fatal("dropped syncs lose nothing: the test cannot fail: ", got)
	}
}

// Whatever call fails, the old file or the new one stands, no temporary file
// stays where it can be removed, and the error is told.
func TestWriteFailsAtEachCall(t *testing.T) {
	broken := errors.New("broken")
	for n := int64(1); ; n++ {
		m := vfs.NewMem()
		if err := m.MkdirAll("d", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := durable.Write(m, "d/f", ".tmp", []byte("old"), 0o600, nil, "f"); err != nil {
			t.Fatal(err)
		}
		err := durable.Write(&vfs.Fail{FS: m, N: n, Err: broken, Once: true}, "d/f", ".tmp", []byte("new"), 0o600, nil, "f")
		b, rerr := vfs.ReadFile(m, "d/f", 100)
		if rerr != nil || string(b) != "old" && string(b) != "new" {
			t.Fatalf("call %d: %q %v", n, b, rerr)
		}
		if _, serr := m.Stat("d/f.tmp"); !errors.Is(serr, fs.ErrNotExist) {
			t.Fatalf("call %d: the temporary file stays", n)
		}
		if err == nil {
			if string(b) != "new" || n < 5 {
				t.Fatalf("call %d: no error, and %q", n, b)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
}
