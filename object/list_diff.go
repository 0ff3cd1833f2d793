package object

import (
	"context"
	"iter"
)

// DiffList enumerates the chunks of list b, which has this many bytes, that
// list a does not hold, each once. Both are read by level and pruned at equal
// nodes, so its cost is that of what differs: gb sees exactly the nodes of b
// that may differ from a, parents first. A chunk that a holds in a pruned node
// only may be named, too, and so may what a node of a holds that cannot be
// read.
func DiffList(ctx context.Context, ga, gb Getter, a, b ID, size uint64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		if a == b {
			return
		}
		y, err := newFront(ctx, gb, b)
		if err == nil && y.sum != size {
			err = malformed("a list of %d bytes where %d belong", y.sum, size)
		}
		var x *front
		if err == nil {
			if x, err = newFront(ctx, ga, a); err != nil {
				x, err = &front{}, ctx.Err()
			}
		}
		for err == nil && (x.level > 0 || y.level > 0) {
			if x.level == y.level {
				x.prune(y)
			}
			down := max(x.level, y.level)
			if x.level == down {
				err = x.expand(ctx, ga, true)
			}
			if err == nil && y.level == down {
				err = y.expand(ctx, gb, false)
			}
		}
		if err != nil {
			yield(Piece{}, err)
			return
		}
		x.prune(y)
		for _, it := range y.items {
			if !yield(Piece{it.id, it.bytes}, nil) {
				return
			}
		}
	}
}

// front is what of a list is still to be compared: items of one level, each
// once.
type front struct {
	level uint8
	items []listItem
	sum   uint64 // bytes of the whole list
}

func newFront(ctx context.Context, g Getter, root ID) (*front, error) {
	n, err := loadRoot(ctx, g, listShape, root)
	if err != nil {
		return nil, err
	}
	f := &front{level: n.level}
	if _, f.sum, err = n.totals(); err != nil {
		return nil, err
	}
	f.add(map[listItem]bool{}, n)
	return f, nil
}

func (f *front) add(seen map[listItem]bool, n node) {
	for _, it := range n.items {
		k := listItem{it.id, it.bytes, n.level}
		if !seen[k] {
			seen[k] = true
			f.items = append(f.items, k)
		}
	}
}

// prune takes what both hold out of both.
func (f *front) prune(o *front) {
	in := func(items []listItem) map[listItem]bool {
		m := make(map[listItem]bool, len(items))
		for _, it := range items {
			m[it] = true
		}
		return m
	}
	left := func(items []listItem, held map[listItem]bool) (out []listItem) {
		for _, it := range items {
			if !held[it] {
				out = append(out, it)
			}
		}
		return out
	}
	mine, theirs := in(f.items), in(o.items)
	f.items, o.items = left(f.items, theirs), left(o.items, mine)
}

// expand reads the nodes that the items stand for.
func (f *front) expand(ctx context.Context, g Getter, lenient bool) error {
	items, level := f.items, f.level
	f.items, f.level = nil, level-1
	seen := map[listItem]bool{}
	for _, it := range items {
		n, err := loadChild(ctx, g, listShape, level, item{id: it.id, bytes: it.bytes})
		if err != nil && lenient && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return err
		}
		f.add(seen, n)
	}
	return nil
}
