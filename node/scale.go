package node

import (
	"context"
	"slices"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// weigh finds out whether a mapping must wait, and what is remembered when
// that is done which is found.
func (n *Node) weigh(ctx context.Context, v *vault, m worktree.Mapping, have, want object.ID, c consent, l lookback) (verdict, lookback, error) {
	if c.all || !n.home.Config().Sync.Brake {
		return verdict{}, lookback{}, nil
	}
	s := scale{n: n, v: v, m: m, want: want, c: c}
	now := n.now().UnixNano()
	pending, err := worktree.Weigh(ctx, v.repo, v.repo, m, have, want, nil)
	if err != nil || pending.Deleted+pending.Rewritten == 0 {
		l.Held = 0
		return verdict{}, l, err
	}
	l.Marks = slices.Clone(l.Marks)
	since := now
	if l.Held != 0 {
		since = l.Held // what it waits for does not become less by waiting
	}
	l.Marks = slices.DeleteFunc(l.Marks, func(x lookedBack) bool { return x.At > now || x.At < since-int64(brakeWindow) })
	why, err := s.against(ctx, &lookedBack{Tree: have}, pending)
	if err != nil {
		return verdict{}, l, err
	}
	past, err := s.past(ctx, &l, have, now, pending)
	if isDamage(err) { // a tree of then is not here any more
		l.Marks, past, err = nil, verdict{}, nil
	}
	if why.files == 0 {
		why = past
	}
	if err != nil || why.files > 0 {
		l.Held = since
		return why, l, err
	}
	l.Held = 0
	if due(l.Marks, now) {
		l.Marks, l.Goal = append(l.Marks, lookedBack{At: now, Tree: have}), want
	}
	if pending.Deleted > 0 {
		l.Goal = want
	}
	for i := range l.Marks {
		l.Marks[i].Deleted += pending.Deleted
		l.Marks[i].Rewritten += pending.Rewritten
	}
	err = s.meant(ctx, &l)
	if isDamage(err) {
		l.Marks, err = nil, nil
	}
	return verdict{}, l, err
}

// due reports whether it is time for a new mark.
func due(marks []lookedBack, now int64) bool {
	return len(marks) == 0 || marks[len(marks)-1].At <= now-int64(brakeMarks)
}

// scale weighs what would be lost on the way to want.
type scale struct {
	n    *Node
	v    *vault
	m    worktree.Mapping
	want object.ID
	c    consent
}

// past weighs against the marks.
func (s *scale) past(ctx context.Context, l *lookback, have object.ID, now int64, pending *worktree.Loss) (verdict, error) {
	var heavy []*lookedBack
	for i := range l.Marks {
		x := &l.Marks[i]
		ok, err := s.mayBrake(ctx, x, x.Deleted+pending.Deleted, x.Rewritten+pending.Rewritten)
		if err != nil {
			return verdict{}, err
		}
		if ok {
			heavy = append(heavy, x)
		}
	}
	if len(heavy) > 0 || pending.Deleted > 0 || due(l.Marks, now) {
		if err := s.own(ctx, l, have); err != nil {
			return verdict{}, err
		}
	}
	for _, x := range heavy {
		if why, err := s.against(ctx, x, nil); err != nil || why.files > 0 {
			return why, err
		}
	}
	return verdict{}, nil
}

// own takes out of the marks what this device itself did since the last apply
// that deleted: when it deleted something of them.
func (s *scale) own(ctx context.Context, l *lookback, have object.ID) error {
	if len(l.Marks) == 0 || l.Goal.IsZero() {
		return nil
	}
	deletes, err := s.deletes(ctx, l.Goal, have)
	if err != nil || !deletes {
		return err
	}
	if err := s.move(ctx, l, have, differs(ctx, s.v, "/", l.Goal, have)); err != nil {
		return err
	}
	l.Goal = have
	return nil
}

// meant takes out of the marks what edits delete.
func (s *scale) meant(ctx context.Context, l *lookback) error {
	for _, e := range s.c.edits {
		before, err := subtree(ctx, s.v, e.Before, s.m.Path)
		if err != nil {
			return err
		}
		after, err := subtree(ctx, s.v, e.After, s.m.Path)
		if err != nil {
			return err
		}
		if deletes, err := s.deletes(ctx, before, after); err != nil {
			return err
		} else if deletes {
			return s.move(ctx, l, s.want, s.c.asked(ctx, s.v, s.m))
		}
	}
	return nil
}

// move makes to the tree of all marks. What others did on the way there stays
// counted, what mine reports does not.
func (s *scale) move(ctx context.Context, l *lookback, to object.ID, mine func([]string) (bool, error)) error {
	for i, x := range l.Marks {
		w, err := worktree.Weigh(ctx, s.v.repo, s.v.repo, s.m, x.Tree, to, mine)
		if err == nil && worktree.BrakeWeighs(w.Deleted) {
			err = w.Elsewhere(ctx, s.v.repo, x.Tree, to)
		}
		if err != nil {
			return err
		}
		turned, err := w.Turned(ctx, s.v.repo)
		if err != nil {
			return err
		}
		x.Tree, x.Gone, x.Turned = to, x.Gone+w.Deleted, x.Turned+turned
		l.Marks[i] = x
	}
	return nil
}

// deletes reports whether a file of one tree is not in another.
func (s *scale) deletes(ctx context.Context, from, to object.ID) (bool, error) {
	for c, err := range object.DiffTree(ctx, s.v.repo, from, to) {
		switch {
		case err != nil:
			return false, err
		case c.A == nil:
		case c.A.Kind != object.Dir:
			if c.B == nil || c.B.Kind == object.Dir {
				return true, nil
			}
		default:
			var below object.ID
			if c.B != nil && c.B.Kind == object.Dir {
				below = c.B.Tree
			}
			if found, err := s.deletes(ctx, c.A.Tree, below); err != nil || found {
				return found, err
			}
		}
	}
	return false, nil
}

// mayBrake reports whether it is enough to stop an apply when so many files
// were deleted or rewritten since a mark.
func (s *scale) mayBrake(ctx context.Context, x *lookedBack, deleted, rewritten uint64) (bool, error) {
	if !worktree.BrakeWeighs(deleted) && !worktree.BrakeWeighs(rewritten) {
		return false, nil
	}
	if x.Files == 0 {
		files, err := s.n.filesOf(ctx, s.v, s.m.Path, x.Tree)
		if err != nil {
			return false, err
		}
		x.Files = files + x.Gone
	}
	left := uint64(0)
	for pe, err := range object.Walk(ctx, s.v.repo, s.want) {
		if err != nil {
			return false, err
		}
		if pe.Entry.Kind != object.Dir {
			left = 1 // or more
			break
		}
	}
	return worktree.Brake(worktree.Change{Deleted: deleted}, x.Files, left) || worktree.BrakeTurned(rewritten, x.Files), nil
}

// against finds out whether the way from a mark to want must wait.
func (s *scale) against(ctx context.Context, x *lookedBack, l *worktree.Loss) (verdict, error) {
	if l == nil {
		var err error
		if l, err = worktree.Weigh(ctx, s.v.repo, s.v.repo, s.m, x.Tree, s.want, nil); err != nil {
			return verdict{}, err
		}
	}
	deleted := func() (bool, error) { return s.mayBrake(ctx, x, l.Deleted+x.Gone, 0) }
	turned := func() (bool, error) { return s.mayBrake(ctx, x, 0, l.Rewritten+x.Turned) }
	if ok, err := s.mayBrake(ctx, x, l.Deleted+x.Gone, l.Rewritten+x.Turned); err != nil || !ok {
		return verdict{}, err
	}
	if len(s.c.edits) > 0 {
		var err error
		if l, err = worktree.Weigh(ctx, s.v.repo, s.v.repo, s.m, x.Tree, s.want, s.c.asked(ctx, s.v, s.m)); err != nil {
			return verdict{}, err
		}
	}
	ok, err := deleted()
	if err == nil && ok {
		if err = l.Elsewhere(ctx, s.v.repo, x.Tree, s.want); err == nil {
			ok, err = deleted()
		}
		if err == nil && ok {
			return verdict{files: l.Deleted + x.Gone, of: x.Files, from: x.Tree}, nil
		}
	}
	if err == nil {
		ok, err = turned()
	}
	if err != nil || !ok {
		return verdict{}, err
	}
	if l.Rewritten, err = l.Turned(ctx, s.v.repo); err == nil {
		ok, err = turned()
	}
	if err != nil || !ok {
		return verdict{}, err
	}
	return verdict{turned: true, files: l.Rewritten + x.Turned, of: x.Files, from: x.Tree}, nil
}
