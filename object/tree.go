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
	return finishTree(ctx, h, sink, b)
}

func finishTree(ctx context.Context, h *Hasher, sink Sink, b *builder) (ID, Summary, error) {
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

// loadNode reads a node of a tree; wantLevel < 0 accepts any level, and last,
// unless empty, is the key its parent names.
func loadNode(ctx context.Context, g Getter, s shape, id ID, wantLevel int, last string) (node, error) {
	b, err := g.Get(ctx, id)
	if err != nil {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), err)
	}
	n, err := decodeNode(s, b)
	if err != nil {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), err)
	}
	if wantLevel >= 0 && int(n.level) != wantLevel {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), malformed("level %d where its parent says %d", n.level, wantLevel))
	}
	if s.kind == KindTree && last != "" && (len(n.items) == 0 || n.items[len(n.items)-1].key != last) {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), malformed("its last name is not the one its parent says"))
	}
	return n, nil
}

// Summarise reads what a directory holds from its root node. A zero root is
// an empty directory.
func Summarise(ctx context.Context, g Getter, root ID) (Summary, error) {
	if root.IsZero() {
		return Summary{}, nil
	}
	n, err := loadNode(ctx, g, treeShape, root, -1, "")
	if err != nil {
		return Summary{}, err
	}
	count, bytes := n.totals()
	return Summary{count, bytes}, nil
}

// Entries enumerates one directory in name order, from the first name ≥ from.
// A zero root is an empty directory. An error ends the enumeration.
func Entries(ctx context.Context, g Getter, root ID, from string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if root.IsZero() {
			return
		}
		entries(ctx, g, root, -1, "", from, yield)
	}
}

func entries(ctx context.Context, g Getter, id ID, level int, last, from string, yield func(Entry, error) bool) bool {
	n, err := loadNode(ctx, g, treeShape, id, level, last)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	for _, it := range n.items {
		if it.key < from {
			continue
		}
		if n.level == 0 {
			if !yield(it.entry, nil) {
				return false
			}
		} else if !entries(ctx, g, it.id, int(n.level)-1, it.key, from, yield) {
			return false
		}
	}
	return true
}

// Lookup finds one name in one directory.
func Lookup(ctx context.Context, g Getter, root ID, name string) (Entry, bool, error) {
	id, level, last := root, -1, ""
	if root.IsZero() {
		return Entry{}, false, nil
	}
	for {
		n, err := loadNode(ctx, g, treeShape, id, level, last)
		if err != nil {
			return Entry{}, false, err
		}
		i := n.search(name)
		if i == len(n.items) {
			return Entry{}, false, nil
		}
		it := n.items[i]
		if n.level == 0 {
			return it.entry, it.key == name, nil
		}
		id, level, last = it.id, int(n.level)-1, it.key
	}
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

// PathEntry is an entry with its virtual path.
type PathEntry struct {
	Path  string
	Entry Entry
}

// Walk enumerates all entries below root, parents before children, in name
// order. A zero root is an empty directory.
func Walk(ctx context.Context, g Getter, root ID) iter.Seq2[PathEntry, error] {
	return func(yield func(PathEntry, error) bool) { walk(ctx, g, root, "/", 0, yield) }
}

func walk(ctx context.Context, g Getter, root ID, dir string, depth int, yield func(PathEntry, error) bool) bool {
	if depth > MaxDepth {
		yield(PathEntry{}, fmt.Errorf("walk: %w: more than %d directories deep", ErrLimit, MaxDepth))
		return false
	}
	for e, err := range Entries(ctx, g, root, "") {
		if err != nil {
			yield(PathEntry{}, err)
			return false
		}
		path := JoinPath(dir, e.Name)
		if !yield(PathEntry{path, e}, nil) {
			return false
		}
		if e.Kind == Dir && !walk(ctx, g, e.Tree, path, depth+1, yield) {
			return false
		}
	}
	return true
}
