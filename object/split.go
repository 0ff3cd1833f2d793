package object

import (
	"context"
	"fmt"
)

// splitter builds one level of a tree or list and hands finished nodes on.
type splitter struct {
	s     shape
	h     *Hasher
	sink  Sink
	level uint8

	items []item
	bytes int // of the items' encodings
	emit  func(item) error
}

func (sp *splitter) overflows(it item) bool {
	return len(sp.items) > 0 && nodeLen(sp.level, len(sp.items)+1, sp.bytes+len(it.encoded)) > MaxNode
}

func (sp *splitter) add(ctx context.Context, it item) error {
	if sp.overflows(it) {
		if err := sp.flush(ctx); err != nil {
			return err
		}
	}
	if nodeLen(sp.level, 1, len(it.encoded)) > MaxNode {
		return fmt.Errorf("%w: an entry of %d bytes does not fit a node", ErrLimit, len(it.encoded))
	}
	sp.items = append(sp.items, it)
	sp.bytes += len(it.encoded)
	if len(sp.items) == MaxItems || sp.h.ends(sp.level, it.key, sp.s.mod) {
		return sp.flush(ctx)
	}
	return nil
}

// flush ends the node at hand, if there is one.
func (sp *splitter) flush(ctx context.Context) error {
	if len(sp.items) == 0 {
		return nil
	}
	count, bytes, err := node{sp.level, sp.items}.totals()
	if err != nil {
		return err
	}
	id, err := sp.sink.Put(ctx, sp.s.kind, encodeNode(sp.level, sp.items))
	if err != nil {
		return err
	}
	ref := sp.s.branch(sp.items[len(sp.items)-1].key, id, count, bytes)
	sp.items, sp.bytes = sp.items[:0], 0
	return sp.emit(ref)
}

// builder stacks splitters: the first node of a level waits until a second
// one proves that the level is not the root's.
type builder struct {
	sp    *splitter
	first *item
	up    *builder
}

func newBuilder(ctx context.Context, s shape, h *Hasher, sink Sink, level uint8) *builder {
	b := &builder{sp: &splitter{s: s, h: h, sink: sink, level: level}}
	b.sp.emit = func(ref item) error {
		if b.first == nil && b.up == nil {
			b.first = &ref
			return nil
		}
		if b.up == nil {
			if level == maxLevel {
				return fmt.Errorf("%w: more than %d levels", ErrLimit, maxLevel)
			}
			b.up = newBuilder(ctx, s, h, sink, level+1)
			if err := b.up.sp.add(ctx, *b.first); err != nil {
				return err
			}
			b.first = nil
		}
		return b.up.sp.add(ctx, ref)
	}
	return b
}

// finish ends all levels and returns the root's item; nil when nothing was
// added.
func (b *builder) finish(ctx context.Context) (*item, error) {
	if err := b.sp.flush(ctx); err != nil {
		return nil, err
	}
	if b.up != nil {
		return b.up.finish(ctx)
	}
	return b.first, nil
}
