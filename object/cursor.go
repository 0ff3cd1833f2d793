package object

import "context"

// cursor walks the nodes of one level of a tree, in order. Nodes are never
// empty below the root, so node().items[0] exists after a seek.
type cursor struct {
	g     Getter
	top   node
	level uint8
	path  []frame // from the root down to the node at level
	seen  map[string]ID
}

type frame struct {
	n   node
	idx int // the child that the path goes through
}

func (c *cursor) node() node { return c.path[len(c.path)-1].n }

// unchanged reports whether the level above already has this very item.
func (c *cursor) unchanged(it item) bool { return c.seen[it.key] == it.id }

// seek goes to the first node whose last key is ≥ key, or to the last node.
func (c *cursor) seek(ctx context.Context, key string) error {
	c.path = append(c.path[:0], frame{n: c.top})
	return c.descend(ctx, func(n node) int { return min(n.search(key), len(n.items)-1) })
}

// descend goes down from the end of the path, choosing a child by pick.
func (c *cursor) descend(ctx context.Context, pick func(node) int) error {
	for {
		f := &c.path[len(c.path)-1]
		if f.n.level == c.level {
			return nil
		}
		f.idx = pick(f.n)
		it := f.n.items[f.idx]
		n, err := loadChild(ctx, c.g, treeShape, f.n.level, it)
		if err != nil {
			return err
		}
		if n.level == c.level {
			if c.seen == nil {
				c.seen = map[string]ID{}
			}
			c.seen[it.key] = it.id
		}
		c.path = append(c.path, frame{n: n})
	}
}

// last reports whether no node follows.
func (c *cursor) last() bool {
	for _, f := range c.path[:len(c.path)-1] {
		if f.idx < len(f.n.items)-1 {
			return false
		}
	}
	return true
}

func (c *cursor) first() bool {
	for _, f := range c.path[:len(c.path)-1] {
		if f.idx > 0 {
			return false
		}
	}
	return true
}

// next goes to the following node; there is one.
func (c *cursor) next(ctx context.Context) error {
	return c.step(ctx, 1, func(node) int { return 0 })
}

func (c *cursor) prev(ctx context.Context) error {
	return c.step(ctx, -1, func(n node) int { return len(n.items) - 1 })
}

func (c *cursor) step(ctx context.Context, by int, pick func(node) int) error {
	k := len(c.path) - 2
	for ; k > 0; k-- {
		if i := c.path[k].idx + by; i >= 0 && i < len(c.path[k].n.items) {
			break
		}
	}
	c.path = c.path[:k+1]
	to := c.path[k].idx + by
	took := false
	return c.descend(ctx, func(n node) int {
		if !took {
			took = true
			return to
		}
		return pick(n)
	})
}

// backIfCutBySize goes one node back when that node ended only because the
// next item did not fit.
func (c *cursor) backIfCutBySize(ctx context.Context, h *Hasher) error {
	if c.first() {
		return nil
	}
	if err := c.prev(ctx); err != nil {
		return err
	}
	n := c.node()
	if len(n.items) == MaxItems || h.ends(n.level, n.items[len(n.items)-1].key, treeShape.mod) {
		return c.next(ctx)
	}
	return nil
}
