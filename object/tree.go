package object

import (
	"context"
	"fmt"
	"iter"
)

// Summary is what a directory holds.
type Summary struct {
	Entries uint64 // names in this directory
	Bytes   uint64 // bytes of all files below
}

// EmptyTree returns the id and plain bytes of a directory without entries.
func EmptyTree(h *Hasher) (ID, []byte) {
	b := encodeNode(0, nil)
	return h.Sum(KindTree, b), b
}

// BuildTree writes a directory from entries sorted by raw name bytes, unique.
func BuildTree(ctx context.Context, h *Hasher, sink Sink, entries iter.Seq2[Entry, error]) (ID, Summary, error) {
	b := newBuilder(ctx, treeShape, h, sink, 0)
	last := ""
	for e, err := range entries {
		if err != nil {
			return ID{}, Summary{}, err
		}
		if err := e.Check(); err != nil {
			return ID{}, Summary{}, fmt.Errorf("build tree: %w", err)
		}
		if e.Name <= last {
			return ID{}, Summary{}, fmt.Errorf("build tree: entry %q after %q: not sorted", e.Name, last)
		}
		last = e.Name
		if err := b.sp.add(ctx, treeShape.leaf(item{entry: e})); err != nil {
			return ID{}, Summary{}, fmt.Errorf("build tree: %w", err)
		}
	}
	return finishTree(ctx, sink, b)
}

func finishTree(ctx context.Context, sink Sink, b *builder) (ID, Summary, error) {
	root, err := b.finish(ctx)
	if err != nil {
		return ID{}, Summary{}, fmt.Errorf("build tree: %w", err)
	}
	if root == nil {
		return putEmpty(ctx, sink)
	}
	return root.id, Summary{root.count, root.bytes}, nil
}

func putEmpty(ctx context.Context, sink Sink) (ID, Summary, error) {
	id, err := sink.Put(ctx, KindTree, encodeNode(0, nil))
	return id, Summary{}, err
}

// Summarise reads what a directory holds from its root node. A zero root is
// an empty directory.
func Summarise(ctx context.Context, g Getter, root ID) (Summary, error) {
	if root.IsZero() {
		return Summary{}, nil
	}
	n, err := loadRoot(ctx, g, treeShape, root)
	if err != nil {
		return Summary{}, err
	}
	count, bytes, err := n.totals()
	return Summary{count, bytes}, err
}

// Entries enumerates one directory in name order, from the first name ≥ from.
// A zero root is an empty directory. An error ends the enumeration.
func Entries(ctx context.Context, g Getter, root ID, from string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if root.IsZero() {
			return
		}
		n, err := loadRoot(ctx, g, treeShape, root)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		n.entries(ctx, g, from, yield)
	}
}

func (n node) entries(ctx context.Context, g Getter, from string, yield func(Entry, error) bool) bool {
	for _, it := range n.items[n.search(from):] {
		if n.level == 0 {
			if !yield(it.entry, nil) {
				return false
			}
			continue
		}
		child, err := loadChild(ctx, g, treeShape, n.level, it)
		if err != nil {
			yield(Entry{}, err)
			return false
		}
		if !child.entries(ctx, g, from, yield) {
			return false
		}
	}
	return true
}

// Lookup finds one name in one directory.
func Lookup(ctx context.Context, g Getter, root ID, name string) (Entry, bool, error) {
	if root.IsZero() {
		return Entry{}, false, nil
	}
	n, err := loadRoot(ctx, g, treeShape, root)
	for err == nil {
		i := n.search(name)
		if i == len(n.items) {
			return Entry{}, false, nil
		}
		it := n.items[i]
		if n.level == 0 {
			return it.entry, it.key == name, nil
		}
		n, err = loadChild(ctx, g, treeShape, n.level, it)
	}
	return Entry{}, false, err
}

// search returns the index of the first item whose key is ≥ name.
func (n node) search(name string) int {
	lo, hi := 0, len(n.items)
	for lo < hi {
		if mid := (lo + hi) / 2; n.items[mid].key < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// LookupPath finds a clean virtual path ("/a/b") below root. "/" yields a Dir
// entry with an empty name. A path through a file or symlink is not found.
func LookupPath(ctx context.Context, g Getter, root ID, path string) (Entry, bool, error) {
	e := Entry{Kind: Dir, Tree: root, Mode: 0o755}
	for _, name := range Components(path) {
		if e.Kind != Dir {
			return Entry{}, false, nil
		}
		var ok bool
		var err error
		if e, ok, err = Lookup(ctx, g, e.Tree, name); err != nil {
			return Entry{}, false, fmt.Errorf("look up %q: %w", path, err)
		} else if !ok {
			return Entry{}, false, nil
		}
	}
	return e, true, nil
}
