package worktree

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// Somebody swaps a directory with links to a sibling and to the outside as
// fast as can be, on the real disk: nothing is written through them.
func TestAttackerSwapsDirectoryWithLinks(t *testing.T) {
	g := newGround(t)
	outside := t.TempDir()
	for _, dir := range []string{filepath.Join(g.m.Dir, "sibling"), outside} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "a"), []byte("sentinel"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(g.m.Dir, "probe")); err != nil {
		t.Skip("no links here: ", err)
	}
	g.write("d/a", "one")
	first := g.scan(object.ID{}).Tree
	g.write("d/a", "two, longer")
	g.write("d/e/f", "new")
	second := g.scan(first).Tree
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		d, away := filepath.Join(g.m.Dir, "d"), filepath.Join(g.m.Dir, "away")
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(d, away)
			_ = os.Symlink([]string{"sibling", outside}[i%2], d)
			_ = os.Remove(d)
			_ = os.Rename(away, d)
		}
	}()
	for range 100 {
		_, _ = g.apply(second, first) // gives way, or has problems, or is done
		_, _ = g.apply(first, second)
	}
	close(stop)
	<-done
	for _, dir := range []string{filepath.Join(g.m.Dir, "sibling"), outside} {
		list, err := os.ReadDir(dir)
		b, rerr := os.ReadFile(filepath.Join(dir, "a"))
		if err != nil || rerr != nil || len(list) != 1 || string(b) != "sentinel" {
			t.Fatalf("%s was written through a link: %v %q %v %v", dir, list, b, err, rerr)
		}
	}
}
