package worktree

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// Whatever changes in a directory, its tree is the one that a scan makes that
// knows nothing of it.
func TestTreeOfEditsIsTheTree(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		g := newGround(t)
		name := func() string { return fmt.Sprintf("d/%03d", r.IntN(400)) }
		for range 300 {
			g.write(name(), fmt.Sprint(r.Uint64()))
		}
		tree := g.scan(object.ID{}).Tree
		for round := range 20 {
			for range r.IntN(6) + r.IntN(2)*100 {
				p := filepath.Join(g.m.Dir, name())
				switch r.IntN(5) {
				case 0:
					_ = os.RemoveAll(p)
				case 1:
					_ = os.RemoveAll(p)
					_ = os.Mkdir(p, 0o755)
					_ = os.WriteFile(filepath.Join(p, "in"), []byte("in"), 0o644)
				case 2:
					_ = os.RemoveAll(p)
					_ = os.Symlink("there", p)
				default:
					_ = os.RemoveAll(p)
					_ = os.WriteFile(p, fmt.Append(nil, r.Uint64()), 0o644)
				}
			}
			tree = g.scan(tree).Tree
			known := g.rows
			g.rows = memRows{}
			if anew := g.scan(object.ID{}).Tree; anew != tree {
				t.Fatalf("seed %d, round %d: %v, a scan of its own makes %v", seed, round, tree, anew)
			}
			g.rows = known
		}
	}
}
