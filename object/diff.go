package object

import (
	"context"
	"fmt"
	"iter"
)

// Change is a name that differs between two directories; A or B is nil when
// absent there.
type Change struct {
	Name string
	A, B *Entry
}

// side is one of the two trees that DiffTree walks: a stack of what is still
// to be read.
type side struct {
	g     Getter
	stack []node // each with its remaining items
}

func newSide(ctx context.Context, g Getter, root ID) (*side, error) {
	s := &side{g: g}
	if root.IsZero() {
		return s, nil
	}
	n, err := loadRoot(ctx, g, treeShape, root)
	if err != nil {
		return nil, err
	}
	s.stack = append(s.stack, n)
	s.trim()
	return s, nil
}

func (s *side) trim() {
	for len(s.stack) > 0 && len(s.stack[len(s.stack)-1].items) == 0 {
		s.stack = s.stack[:len(s.stack)-1]
	}
}

// peek returns the next unread item: an entry at level 0, or a child.
func (s *side) peek() (it *item, level uint8, ok bool) {
	if len(s.stack) == 0 {
		return nil, 0, false
	}
	n := &s.stack[len(s.stack)-1]
	return &n.items[0], n.level, true
}

func (s *side) skip() {
	n := &s.stack[len(s.stack)-1]
	n.items = n.items[1:]
	s.trim()
}

func (s *side) expand(ctx context.Context) error {
	it, level, _ := s.peek()
	n, err := loadChild(ctx, s.g, treeShape, level, *it)
	if err != nil {
		return err
	}
	s.skip()
	s.stack = append(s.stack, n)
	return nil
}

// DiffTree enumerates the names that differ between two directories (one
// level), pruning equal nodes. A zero id is an empty directory.
func DiffTree(ctx context.Context, g Getter, a, b ID) iter.Seq2[Change, error] {
	return DiffTreeOf(ctx, g, g, a, b)
}

// DiffTreeOf is DiffTree with a Getter for each side: the second one sees
// exactly the nodes of b that may differ from a.
func DiffTreeOf(ctx context.Context, ga, gb Getter, a, b ID) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if a == b {
			return
		}
		x, err := newSide(ctx, ga, a)
		if err != nil {
			yield(Change{}, err)
			return
		}
		y, err := newSide(ctx, gb, b)
		if err != nil {
			yield(Change{}, err)
			return
		}
		for {
			c, more, err := nextChange(ctx, x, y)
			if err != nil {
				yield(Change{}, err)
				return
			}
			if !more || c.Name != "" && !yield(c, nil) {
				return
			}
		}
	}
}

// nextChange makes one step of both sides; a Change without a name says that
// nothing was found yet.
func nextChange(ctx context.Context, x, y *side) (c Change, more bool, err error) {
	p, pl, pok := x.peek()
	q, ql, qok := y.peek()
	switch {
	case !pok && !qok:
		return Change{}, false, nil
	case pok && qok && pl > 0 && pl == ql && p.id == q.id && p.key == q.key && p.count == q.count && p.bytes == q.bytes:
		x.skip()
		y.skip()
		return Change{}, true, nil
	case pok && pl > 0 && (!qok || pl >= ql):
		err = x.expand(ctx)
		if err == nil && qok && ql == pl {
			err = y.expand(ctx)
		}
		return Change{}, true, err
	case qok && ql > 0:
		return Change{}, true, y.expand(ctx)
	case !qok || pok && p.key < q.key:
		x.skip()
		return Change{Name: p.key, A: entryOf(p)}, true, nil
	case !pok || q.key < p.key:
		y.skip()
		return Change{Name: q.key, B: entryOf(q)}, true, nil
	}
	x.skip()
	y.skip()
	if p.entry == q.entry {
		return Change{}, true, nil
	}
	return Change{Name: p.key, A: entryOf(p), B: entryOf(q)}, true, nil
}

// entryOf copies an entry, so that who keeps it does not keep its whole node.
func entryOf(it *item) *Entry {
	e := it.entry
	return &e
}

// PathChange is a path that differs between two trees.
type PathChange struct {
	Path string // "/a/b"
	A, B *Entry
}

// Diff enumerates all paths that differ between two trees, depth first in
// name order. A directory that differs only below itself yields only its
// children; one whose own entry differs (mode, times, attributes) is yielded
// before them. Children of an added or removed directory are yielded, too. A
// path beyond MaxPath or MaxDepth ends it with an error wrapping ErrLimit.
func Diff(ctx context.Context, g Getter, a, b ID) iter.Seq2[PathChange, error] {
	return func(yield func(PathChange, error) bool) { diff(ctx, g, a, b, "/", 0, yield) }
}

func diff(ctx context.Context, g Getter, a, b ID, dir string, depth int, yield func(PathChange, error) bool) bool {
	for c, err := range DiffTree(ctx, g, a, b) {
		if err != nil {
			yield(PathChange{}, err)
			return false
		}
		path, err := below(dir, depth, c.Name)
		if err != nil {
			yield(PathChange{}, fmt.Errorf("diff: %w", err))
			return false
		}
		var ta, tb ID
		own := true
		if c.A != nil && c.A.Kind == Dir {
			ta = c.A.Tree
		}
		if c.B != nil && c.B.Kind == Dir {
			tb = c.B.Tree
		}
		if !ta.IsZero() && !tb.IsZero() {
			x, y := *c.A, *c.B
			x.Tree, x.Size, y.Tree, y.Size = ID{}, 0, ID{}, 0
			own = x != y
		}
		if own && !yield(PathChange{path, c.A, c.B}, nil) {
			return false
		}
		if (!ta.IsZero() || !tb.IsZero()) && !diff(ctx, g, ta, tb, path, depth+1, yield) {
			return false
		}
	}
	return true
}
