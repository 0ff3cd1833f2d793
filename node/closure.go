package node

import (
	"context"
	"errors"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// maxMissing bounds how many missing objects one look names.
const maxMissing = 4096

// recorder notes which objects a walk could not read.
type recorder struct {
	object.Getter
	miss []object.ID
}

func (r *recorder) Get(ctx context.Context, id object.ID) ([]byte, error) {
	b, err := r.Getter.Get(ctx, id)
	if errors.Is(err, object.ErrMissing) && len(r.miss) < maxMissing {
		r.miss = append(r.miss, id)
	}
	return b, err
}

// missing returns objects below a snapshot that are not here; none when all
// is. The walk is pruned at complete snapshots, whose trees it compares with.
func missing(ctx context.Context, v *vault, head object.ID, complete func(object.ID) bool) ([]object.ID, error) {
	rec := &recorder{Getter: v.repo}
	var chunks []object.ID
	seen := map[object.ID]bool{}
	todo := []object.ID{head}
	flush := func() error {
		m, err := v.repo.Missing(ctx, chunks)
		chunks = chunks[:0]
		rec.miss = append(rec.miss, m...)
		return err
	}
	for len(todo) > 0 && len(rec.miss) < maxMissing {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] || complete(id) {
			continue
		}
		seen[id] = true
		s, err := object.GetSnapshot(ctx, rec, id)
		if errors.Is(err, object.ErrMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var base object.ID
		for _, p := range s.Parents {
			todo = append(todo, p)
			if base.IsZero() && complete(p) {
				if ps, err := object.GetSnapshot(ctx, v.repo, p); err == nil {
					base = ps.Root
				}
			}
		}
		for _, root := range []object.ID{s.Root, s.Base} {
			if root.IsZero() {
				continue
			}
			if err := missingTree(ctx, rec, base, root, &chunks, seen, 0); err != nil {
				return nil, err
			}
			base = s.Root
			if len(chunks) > 1<<16 {
				if err := flush(); err != nil {
					return nil, err
				}
			}
		}
		for _, c := range s.Conflicts {
			for _, side := range c.Sides {
				if err := missingContent(ctx, rec, side.Entry, &chunks, seen, 0); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	slices.SortFunc(rec.miss, compareID)
	return slices.Compact(rec.miss), nil
}

// missingTree walks what differs between a tree that is here and one that may
// not be.
func missingTree(ctx context.Context, rec *recorder, have, want object.ID, chunks *[]object.ID, seen map[object.ID]bool, depth int) error {
	if have == want || seen[want] || depth > object.MaxDepth {
		return nil
	}
	seen[want] = true
	for c, err := range object.DiffTree(ctx, rec, have, want) {
		if errors.Is(err, object.ErrMissing) {
			delete(seen, want)
			return nil // noted
		}
		if err != nil {
			return err
		}
		if c.B == nil {
			continue
		}
		if c.B.Kind == object.Dir {
			var below object.ID
			if c.A != nil && c.A.Kind == object.Dir {
				below = c.A.Tree
			}
			if err := missingTree(ctx, rec, below, c.B.Tree, chunks, seen, depth+1); err != nil {
				return err
			}
			continue
		}
		if c.A != nil && c.A.SameContent(*c.B) {
			continue
		}
		if err := missingContent(ctx, rec, *c.B, chunks, seen, depth); err != nil {
			return err
		}
	}
	return nil
}

func missingContent(ctx context.Context, rec *recorder, e object.Entry, chunks *[]object.ID, seen map[object.ID]bool, depth int) error {
	if e.Xattrs.Kind == object.KindChunk {
		*chunks = append(*chunks, e.Xattrs.ID)
	}
	if e.Kind == object.Dir {
		return missingTree(ctx, rec, object.ID{}, e.Tree, chunks, seen, depth+1)
	}
	switch e.Content.Kind {
	case object.KindChunk:
		*chunks = append(*chunks, e.Content.ID)
	case object.KindList:
		for p, err := range object.Pieces(ctx, rec, e.Content.ID, 0) {
			if errors.Is(err, object.ErrMissing) {
				return nil
			}
			if err != nil {
				return err
			}
			*chunks = append(*chunks, p.ID)
		}
	}
	return nil
}

func compareID(a, b object.ID) int {
	return slices.Compare(a[:], b[:])
}
