package object

import (
	"context"
	"fmt"
	"math/bits"
)

// Trees and lists are split by content: a node of level L (leaf 0) ends after
// an item when its key says so (Hasher.ends), at MaxItems, or before the item
// that would take its encoding over MaxNode. Levels are built until one has
// exactly one node, the root. So the result depends only on the set of items,
// never on the order of edits.

// shape is what differs between trees and lists.
type shape struct {
	kind Kind
	mod  uint32 // one item in mod ends a node
}

var (
	treeShape = shape{KindTree, 16}
	listShape = shape{KindList, 64}
)

// item is one element of a node of either shape: an entry or piece (level 0),
// or a child.
type item struct {
	key     string // what splitting looks at, and for trees the order: the (last) name; for lists the digest of the (child) id
	id      ID     // child; for a list's leaf the chunk
	entry   Entry  // tree leaf
	count   uint64 // tree: entries below; list: unused
	bytes   uint64 // tree: bytes below; list: length
	encoded []byte
}

func (s shape) leaf(it item) item {
	if s.kind == KindTree {
		it.key, it.count, it.bytes = it.entry.Name, 1, it.entry.Size
		it.encoded = encodeEntry(it.entry)
		return it
	}
	it.key = string(it.id[:])
	it.encoded = appendUint(appendLink(appendArray(nil, 2), KindChunk, it.id), it.bytes)
	return it
}

// branch makes the item of the level above from a finished node.
func (s shape) branch(last string, id ID, count, bytes uint64) item {
	it := item{key: last, id: id, count: count, bytes: bytes}
	if s.kind == KindTree {
		b := appendBytes(appendArray(nil, 4), last)
		b = appendLink(b, KindTree, id)
		it.encoded = appendUint(appendUint(b, count), bytes)
		return it
	}
	it.key = string(id[:])
	it.encoded = appendUint(appendLink(appendArray(nil, 2), KindList, id), bytes)
	return it
}

// nodeLen is the length of a node's encoding.
func nodeLen(level uint8, items, itemBytes int) int {
	return 1 + headLen(uint64(level)) + headLen(uint64(items)) + itemBytes
}

func encodeNode(level uint8, items []item) []byte {
	n := 0
	for _, it := range items {
		n += len(it.encoded)
	}
	b := make([]byte, 0, nodeLen(level, len(items), n))
	b = appendArray(b, 2)
	b = appendUint(b, uint64(level))
	b = appendArray(b, len(items))
	for _, it := range items {
		b = append(b, it.encoded...)
	}
	return b
}

// node is a decoded node.
type node struct {
	level uint8
	items []item
}

// decodeNode reads a node and checks everything that can be checked without
// the split key: canonical form, order, limits.
func decodeNode(s shape, b []byte) (node, error) {
	if len(b) > MaxNode {
		return node{}, fmt.Errorf("%w: %w: a node of %d bytes, above %d", ErrMalformed, ErrLimit, len(b), MaxNode)
	}
	d := &decoder{b: b}
	d.fixed(2, "a node")
	n := node{level: uint8(d.uintMax(maxLevel, "a level"))}
	count := d.array(MaxItems, "items")
	if count > 0 {
		n.items = make([]item, 0, count)
	}
	for range count {
		from := d.off
		it := d.item(s, n.level)
		if d.err != nil {
			break
		}
		it.encoded = b[from:d.off:d.off]
		if s.kind == KindTree && len(n.items) > 0 && it.key <= n.items[len(n.items)-1].key {
			d.fail("names out of order")
		}
		n.items = append(n.items, it)
	}
	if err := d.end(); err != nil {
		return node{}, err
	}
	if len(n.items) == 0 && (n.level > 0 || s.kind == KindList) {
		return node{}, malformed("a node without items")
	}
	if _, _, err := n.totals(); err != nil {
		return node{}, err
	}
	return n, nil
}

func (d *decoder) item(s shape, level uint8) item {
	switch {
	case s.kind == KindTree && level == 0:
		e := d.entry()
		return item{key: e.Name, entry: e, count: 1, bytes: e.Size}
	case s.kind == KindTree:
		d.fixed(4, "a branch item")
		it := item{key: string(d.bytes(MaxName, "a name"))}
		if d.err == nil && CheckName(it.key) != nil {
			d.fail("invalid name in a branch item")
		}
		var raw bool
		if it.id, raw = d.link(); raw {
			d.fail("a tree's child is no chunk")
		}
		it.count, it.bytes = d.uint("a count of entries"), d.uint("a count of bytes")
		if d.err == nil && it.count == 0 {
			d.fail("a branch item without entries")
		}
		return it
	default:
		d.fixed(2, "a piece")
		id, raw := d.link()
		if raw != (level == 0) {
			d.fail("a list of chunks points at lists above, at chunks below")
		}
		it := item{key: string(id[:]), id: id, bytes: d.uint("a length")}
		if d.err == nil && (it.bytes == 0 || level == 0 && it.bytes > MaxObject) {
			d.fail("a piece of %d bytes", it.bytes)
		}
		return it
	}
}

// totals sums the items of a node. Sums beyond 64 bits are malformed.
func (n node) totals() (count, bytes uint64, err error) {
	var over uint64
	for i := range n.items {
		var a, b uint64
		count, a = bits.Add64(count, n.items[i].count, 0)
		bytes, b = bits.Add64(bytes, n.items[i].bytes, 0)
		over |= a | b
	}
	if over != 0 {
		return 0, 0, malformed("sums beyond 64 bits")
	}
	return count, bytes, nil
}

// load reads and decodes a node.
func load(ctx context.Context, g Getter, s shape, id ID) (node, error) {
	b, err := g.Get(ctx, id)
	if err != nil {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), err)
	}
	n, err := decodeNode(s, b)
	if err != nil {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), err)
	}
	return n, nil
}

// loadRoot reads the root of a tree or list: the first level with one node. A
// list has at least two chunks.
func loadRoot(ctx context.Context, g Getter, s shape, id ID) (node, error) {
	n, err := load(ctx, g, s, id)
	if err == nil && len(n.items) < 2 && (n.level > 0 || s.kind == KindList) {
		return node{}, fmt.Errorf("read node %s: %w", id.Short(), malformed("a root that points at one child"))
	}
	return n, err
}

// loadChild reads the child that an item of a node of this level stands for,
// and checks that it is what the item says.
func loadChild(ctx context.Context, g Getter, s shape, level uint8, it item) (node, error) {
	n, err := load(ctx, g, s, it.id)
	if err != nil {
		return node{}, err
	}
	count, bytes, err := n.totals()
	if err != nil || n.level+1 != level || bytes != it.bytes ||
		s.kind == KindTree && (count != it.count || len(n.items) == 0 || n.items[len(n.items)-1].key != it.key) {
		return node{}, fmt.Errorf("read node %s: %w", it.id.Short(), malformed("level, last name or sums are not those that its parent says"))
	}
	return n, nil
}
