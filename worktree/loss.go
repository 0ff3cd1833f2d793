package worktree

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/bsvsync/bsv/object"
)

// Loss is what going from one tree to another takes away: the safety brake
// weighs it.
type Loss struct {
	Deleted   uint64 // files that go; Elsewhere takes out those whose content stays
	Rewritten uint64 // files that get another content, those that are inline before or after not counted

	seed     maphash.Seed
	gone     map[uint64]uint32 // content → how many of its files go
	rewrites []object.Change   // some of those rewritten, evenly chosen
	every    uint64            // of so many one
}

const (
	lookedAt = 32       // at so many rewritten files
	lookedIn = 16 << 10 // and at so many of their first bytes
)

// Weigh counts what going from one tree to another would take away. What the
// mapping excludes, and what the wanted tree's own rules ignore, stays and is
// not counted; nor is a path for which meant, unless it is nil, reports true.
// What is only new is not walked.
func Weigh(ctx context.Context, g object.Getter, c Content, m Mapping, from, to object.ID, meant func(path []string) (bool, error)) (*Loss, error) {
	l := &Loss{seed: maphash.MakeSeed(), gone: map[uint64]uint32{}, every: 1}
	spared := spared{ctx: ctx, g: g, c: c, outside: m.outside(), rules: map[string]*ignoreStack{}, tree: to}
	counts := func(path []string) (bool, error) {
		if meant != nil {
			if yes, err := meant(path); err != nil || yes {
				return false, err
			}
		}
		stays, err := spared.path(path)
		return !stays, err
	}
	if err := l.weigh(ctx, g, nil, from, to, counts); err != nil {
		return nil, fmt.Errorf("weigh: %w", err)
	}
	return l, nil
}

func (l *Loss) weigh(ctx context.Context, g object.Getter, path []string, from, to object.ID, counts func([]string) (bool, error)) error {
	if len(path) > object.MaxDepth {
		return object.ErrLimit
	}
	for c, err := range object.DiffTree(ctx, g, from, to) {
		if err != nil {
			return err
		}
		if c.A == nil {
			continue
		}
		p := join(path, c.Name)
		if c.A.Kind == object.Dir {
			if err := l.weigh(ctx, g, p, c.A.Tree, treeOf(c.B), counts); err != nil {
				return err
			}
			continue
		}
		goes := c.B == nil || c.B.Kind == object.Dir
		if !goes && !isRewrite(c) {
			continue
		}
		ok, err := counts(p)
		switch {
		case err != nil:
			return err
		case !ok:
		case goes:
			l.Deleted++
			l.gone[l.key(c.A)]++
		default:
			l.rewrite(c)
		}
	}
	return nil
}

func isRewrite(c object.Change) bool {
	file := func(e *object.Entry) bool { return e.Kind == object.File && e.Content.Kind != 0 }
	return file(c.A) && file(c.B) && !c.A.SameContent(*c.B)
}

func (l *Loss) rewrite(c object.Change) {
	if l.Rewritten%l.every == 0 {
		l.rewrites = append(l.rewrites, c)
	}
	if l.Rewritten++; len(l.rewrites) == 2*lookedAt {
		for i := range lookedAt {
			l.rewrites[i] = l.rewrites[2*i]
		}
		l.rewrites, l.every = l.rewrites[:lookedAt], 2*l.every
	}
}

// key stands for what a file holds. It is odd for what is kept in the entry:
// that is so small that equal contents do not make two files the same one.
func (l *Loss) key(e *object.Entry) uint64 {
	e = &object.Entry{Kind: e.Kind, Content: e.Content, Target: e.Target}
	k := maphash.Comparable(l.seed, *e) &^ 1
	if e.Content.Kind == 0 {
		k |= 1
	}
	return k
}

// Elsewhere takes out of Deleted what did not go but moved: files whose
// content the plan writes under another name, or the wanted tree holds anyway.
// It reads the whole wanted tree.
func (l *Loss) Elsewhere(ctx context.Context, g object.Getter, from, to object.ID) error {
	found := func(e *object.Entry) {
		k := l.key(e)
		n, ok := l.gone[k]
		switch {
		case !ok:
		case k&1 == 0 || n == 1:
			l.Deleted -= uint64(n)
			delete(l.gone, k)
		default: // one for one
			l.Deleted--
			l.gone[k] = n - 1
		}
	}
	for s, err := range Plan(ctx, g, from, to) {
		if err != nil {
			return err
		}
		if s.Op == OpWrite {
			found(s.To)
		}
	}
	for pe, err := range object.Walk(ctx, g, to) {
		if err != nil {
			return fmt.Errorf("weigh: %w", err)
		}
		if len(l.gone) == 0 {
			break
		}
		if pe.Entry.Kind == object.File && pe.Entry.Content.Kind != 0 {
			found(&pe.Entry)
		}
	}
	return nil
}

// Turned is how many of the rewritten files could be compressed before and
// cannot now, as encrypted ones: judged by the first bytes of some of them.
func (l *Loss) Turned(ctx context.Context, read Content) (uint64, error) {
	turned := uint64(0)
	for _, c := range l.rewrites {
		before, err := shrinks(ctx, read, c.A.Content)
		if err != nil {
			return 0, err
		}
		after, err := shrinks(ctx, read, c.B.Content)
		if err != nil {
			return 0, err
		}
		if before < 0.9 && after > 0.98 {
			turned++
		}
	}
	if turned == 0 {
		return 0, nil
	}
	return l.Rewritten * turned / uint64(len(l.rewrites)), nil
}

// shrinks is the part of its size that the first bytes of a file compress to.
func shrinks(ctx context.Context, c Content, of object.Content) (float64, error) {
	var head []byte
	for b, err := range c.Stream(ctx, of, 0) {
		if err != nil {
			return 0, fmt.Errorf("weigh: %w", err)
		}
		if head = append(head, b[:min(len(b), lookedIn-len(head))]...); len(head) == lookedIn {
			break
		}
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(head); err != nil {
		return 0, errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return float64(out.Len()) / float64(max(len(head), 1)), nil
}
