package node

import (
	"context"
	"sync"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// fileCounts remembers how many files some trees hold.
type fileCounts struct {
	mu    sync.Mutex
	trees map[object.ID]uint64
}

// maxFileCounts bounds how many trees are remembered.
const maxFileCounts = 64

// filesIn counts the files of a tree, links too.
func (n *Node) filesIn(ctx context.Context, v *vault, tree object.ID) (uint64, error) {
	c := &n.counts
	c.mu.Lock()
	files, ok := c.trees[tree]
	c.mu.Unlock()
	if ok || tree.IsZero() {
		return files, nil
	}
	for pe, err := range object.Walk(ctx, v.repo, tree) {
		if err != nil {
			return 0, err
		}
		if pe.Entry.Kind != object.Dir {
			files++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trees == nil || len(c.trees) >= maxFileCounts {
		c.trees = map[object.ID]uint64{}
	}
	c.trees[tree] = files
	return files, nil
}

// filesOf is the number of files of a mapping that holds a tree: as its last
// scan counted them, or counted now when an apply made the tree.
func (n *Node) filesOf(ctx context.Context, v *vault, path string, tree object.ID) (uint64, error) {
	b, err := n.home.State().Row(path, "")
	if err != nil {
		return 0, err
	}
	if of, files, ok := worktree.RowFiles(b); ok && of == tree {
		return files, nil
	}
	return n.filesIn(ctx, v, tree)
}

// addFiles adds the files, links too, that differ between two trees.
func (c *ChangeCount) addFiles(ctx context.Context, v *vault, from, to object.ID) error {
	file := func(e *object.Entry) bool { return e != nil && e.Kind != object.Dir }
	for d, err := range object.Diff(ctx, v.repo, from, to) {
		if err != nil {
			return err
		}
		switch a, b := file(d.A), file(d.B); {
		case a && b && d.A.SameContent(*d.B):
			c.Meta++
		case a && b:
			c.Changed++
		case a:
			c.Removed++
		case b:
			c.Added++
		}
	}
	return nil
}
