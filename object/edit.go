package object

import (
	"context"
	"fmt"
	"slices"
)

// Edit is a change of one name: Entry nil removes it.
type Edit struct {
	Name  string
	Entry *Entry
}

// EditTree applies edits (sorted by name, unique) to one directory and
// returns the new root. It rewrites only the nodes that the edits touch, and
// gives the id that BuildTree would give. A zero root is an empty directory.
// Removing a name that is not there is no error. g must also hand out what the
// sink took.
//
// Level by level, a run of nodes is built again from the first one that an
// edit touches until the new boundaries meet the old ones; the nodes that
// were replaced are the edits of the level above.
func EditTree(ctx context.Context, h *Hasher, g Getter, sink Sink, root ID, edits []Edit) (ID, Summary, error) {
	changes := make([]change, 0, len(edits))
	for i, e := range edits {
		c := change{key: e.Name}
		if i > 0 && e.Name <= edits[i-1].Name {
			return ID{}, Summary{}, fmt.Errorf("edit tree: edit of %q after %q: not sorted", e.Name, edits[i-1].Name)
		}
		if e.Entry != nil {
			if e.Entry.Name != e.Name {
				return ID{}, Summary{}, fmt.Errorf("edit tree: entry %q under the name %q", e.Entry.Name, e.Name)
			}
			if err := e.Entry.Check(); err != nil {
				return ID{}, Summary{}, fmt.Errorf("edit tree: %w", err)
			}
			it := treeShape.leaf(item{entry: *e.Entry})
			c.item = &it
		}
		changes = append(changes, c)
	}
	if root.IsZero() {
		return rebuild(ctx, h, sink, 0, changes)
	}
	top, err := loadRoot(ctx, g, treeShape, root)
	if err != nil {
		return ID{}, Summary{}, fmt.Errorf("edit tree: %w", err)
	}
	for level := uint8(0); level < top.level; level++ {
		if changes, err = editLevel(ctx, h, g, sink, top, level, changes); err != nil {
			return ID{}, Summary{}, fmt.Errorf("edit tree: %w", err)
		}
	}
	if len(changes) == 0 {
		count, bytes, err := top.totals()
		return root, Summary{count, bytes}, err
	}
	merged := slices.DeleteFunc(mergeItems(top.items, changes), func(c change) bool { return c.item == nil })
	if top.level > 0 && len(merged) == 1 {
		return collapse(ctx, g, top.level, *merged[0].item)
	}
	return rebuild(ctx, h, sink, top.level, merged)
}

// change replaces, adds (item not nil) or removes the item with a key.
type change struct {
	key  string
	item *item
}

func mergeItems(items []item, changes []change) []change {
	out := make([]change, 0, len(items)+len(changes))
	i := 0
	for k := range items {
		for i < len(changes) && changes[i].key < items[k].key {
			out = append(out, changes[i])
			i++
		}
		if i < len(changes) && changes[i].key == items[k].key {
			out = append(out, changes[i])
			i++
			continue
		}
		out = append(out, change{items[k].key, &items[k]})
	}
	return append(out, changes[i:]...)
}

// rebuild builds all levels from one upwards.
func rebuild(ctx context.Context, h *Hasher, sink Sink, level uint8, items []change) (ID, Summary, error) {
	b := newBuilder(ctx, treeShape, h, sink, level)
	for _, c := range items {
		if c.item != nil {
			if err := b.sp.add(ctx, *c.item); err != nil {
				return ID{}, Summary{}, fmt.Errorf("edit tree: %w", err)
			}
		}
	}
	return finishTree(ctx, sink, b)
}

// collapse goes down from the only item of a level: the root is the first
// level that has exactly one node.
func collapse(ctx context.Context, g Getter, level uint8, it item) (ID, Summary, error) {
	sum := Summary{it.count, it.bytes}
	for {
		n, err := loadChild(ctx, g, treeShape, level, it)
		if err != nil {
			return ID{}, Summary{}, fmt.Errorf("edit tree: %w", err)
		}
		if n.level == 0 || len(n.items) > 1 {
			return it.id, sum, nil
		}
		level, it = n.level, n.items[0]
	}
}

// editLevel applies changes to one level below the root's and returns the
// changes of the level above.
func editLevel(ctx context.Context, h *Hasher, g Getter, sink Sink, top node, level uint8, changes []change) ([]change, error) {
	var up []change
	cur := &cursor{g: g, top: top, level: level}
	for i := 0; i < len(changes); {
		if err := cur.seek(ctx, changes[i].key); err != nil {
			return nil, err
		}
		// Where a node ends for its size depends on the item after it.
		if changes[i].key <= cur.node().items[0].key {
			if err := cur.backIfCutBySize(ctx, h); err != nil {
				return nil, err
			}
		}
		var removed []string
		var made []item
		sp := &splitter{s: treeShape, h: h, sink: sink, level: level, emit: func(ref item) error {
			made = append(made, ref)
			return nil
		}}
		for {
			n := cur.node()
			removed = append(removed, n.items[len(n.items)-1].key)
			last := cur.last()
			end := len(changes)
			if !last {
				key := n.items[len(n.items)-1].key
				for end = i; end < len(changes) && changes[end].key <= key; end++ {
				}
			}
			for _, c := range mergeItems(n.items, changes[i:end]) {
				if c.item != nil {
					if err := sp.add(ctx, *c.item); err != nil {
						return nil, err
					}
				}
			}
			i = end
			if last {
				if err := sp.flush(ctx); err != nil {
					return nil, err
				}
			}
			if len(sp.items) == 0 {
				break
			}
			if err := cur.next(ctx); err != nil {
				return nil, err
			}
			first := cur.node().items[0]
			if sp.overflows(first) && (i >= len(changes) || changes[i].key > first.key) {
				if err := sp.flush(ctx); err != nil {
					return nil, err
				}
				break
			}
		}
		up = append(up, replaced(cur, removed, made)...)
	}
	return up, nil
}

// replaced turns the nodes that a run consumed and made into sorted changes
// of the level above, leaving out those that came out as they were.
func replaced(cur *cursor, removed []string, made []item) []change {
	byKey := map[string]*item{}
	for _, k := range removed {
		byKey[k] = nil
	}
	for k := range made {
		byKey[made[k].key] = &made[k]
	}
	var out []change
	for k, it := range byKey {
		if it != nil && cur.unchanged(*it) {
			continue
		}
		out = append(out, change{k, it})
	}
	slices.SortFunc(out, func(a, b change) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	return out
}
