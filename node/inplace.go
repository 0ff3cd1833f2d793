package node

import (
	"context"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// piece is what a restore in place puts at a path.
type piece struct {
	path string
	e    object.Entry // what the filter leaves of it
	full object.ID    // of a directory, all that the snapshot holds there
}

// restoreInPlace takes a snapshot, puts what the refs name back into the
// state, and applies it.
func (n *Node) restoreInPlace(ctx context.Context, v *vault, r RestoreRequest, refs []string) (RestoreResult, error) {
	res := RestoreResult{Problems: []Problem{}}
	if err := n.home.Writable(); err != nil {
		return res, err
	}
	n.work.Lock() // before anything is put: who runs out of space forgets what was
	defer n.work.Unlock()
	var pieces []piece
	var named []object.Entry
	var paths []string
	for _, ref := range refs {
		p, path, e, err := n.at(ctx, v, ref)
		if err != nil {
			return res, err
		}
		if !p.snap.IsZero() {
			res.Snapshot = p.snap.CID(object.KindSnapshot)
		}
		full := e.Tree
		named = append(named, e)
		if e.Kind == object.Dir {
			if e.Tree, err = n.filter(ctx, v, e.Tree, path, r); err != nil {
				return res, err
			}
		}
		pieces = append(pieces, piece{path, e, full})
		paths = append(paths, path)
	}
	unmatched, err := n.unmatched(ctx, v, r, named)
	if err != nil {
		return res, err
	}
	d, err := n.damage(ctx, v)
	if err != nil {
		return res, err
	}
	given, err := n.givenUp()
	if err != nil {
		return res, err
	}
	hurt := d.some() || len(given) > 0
	var bad []worktree.Problem
	over := &overwriting{s: v.repo, r: r}
	out, err := n.editState(ctx, v, "restore "+strings.Join(refs, " "), r.DryRun, func(root object.ID) (object.ID, error) {
		left := unmatched
		for _, p := range pieces {
			e := p.e
			old, ok, err := destination(ctx, v, root, p.path)
			if err != nil {
				return root, err
			}
			if ok {
				if left, err = worktree.Unmatched(ctx, v.repo, left, []object.Entry{old}); err != nil {
					return root, err
				}
			}
			if hurt && e.Kind == object.Dir {
				var below object.ID
				if ok && old.Kind == object.Dir {
					below = old.Tree
				}
				var sum object.Summary
				if e.Tree, sum, err = spared(ctx, v, below, e.Tree, p.path, &bad); err != nil {
					return root, err
				}
				e.Size = sum.Bytes
			} else if hurt {
				if lost, err := isLost(ctx, v, e); err != nil {
					return root, err
				} else if lost {
					bad = append(bad, lostProblem(p.path))
					continue
				}
			}
			if ok && old.Kind == object.Dir && e.Kind == object.Dir {
				id, sum, err := over.with(ctx, old.Tree, wanted{tree: e.Tree, full: p.full}, p.path)
				if err != nil {
					return root, err
				}
				e.Tree, e.Size = id, sum.Bytes
			} else if ok && over.leaves(old, e, p.path) {
				continue
			}
			if root, err = object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, p.path, &e); err != nil {
				return root, err
			}
		}
		return root, matched(left)
	})
	res.Applied, res.Problems, res.Left = Applied(out.change), problems(append(bad, out.problems...)), uint64(len(over.left))
	if r.Delete {
		res.Changes = out.changes
	}
	if err == nil {
		err = n.heldBack(ctx, v, out, paths...)
	}
	if err != nil || r.DryRun || !r.Verify {
		return res, err
	}
	return n.verifyInPlace(ctx, v, pieces, over.left, res)
}

// verifyInPlace reads back what a restore put below the mapped directories. What
// no directory stands for was not written, so it is not verified.
func (n *Node) verifyInPlace(ctx context.Context, v *vault, pieces []piece, left []string, res RestoreResult) (RestoreResult, error) {
	maps, err := n.mappings(v)
	if err != nil {
		return res, err
	}
	some, whole := false, true
	for _, p := range pieces {
		for _, m := range maps {
			o := worktree.VerifyOptions{Mapping: m, Path: object.Components(strings.TrimPrefix(p.path, m.Path)), Entry: p.e}
			switch {
			case n.isPaused(m.Path):
				whole = whole && !object.Within(p.path, m.Path) && !object.Within(m.Path, p.path)
				continue
			case object.Within(p.path, m.Path):
			case object.Within(m.Path, p.path) && p.e.Kind == object.Dir:
				e, ok, err := object.LookupPath(ctx, v.repo, p.e.Tree, "/"+strings.TrimPrefix(strings.TrimPrefix(m.Path, p.path), "/"))
				if err != nil {
					return res, err
				}
				if !ok {
					continue
				}
				o.Path, o.Entry = nil, e
			default:
				continue
			}
			if res, err = n.verify(ctx, v, o, left, res); err != nil {
				return res, err
			}
			some = true
		}
	}
	res.Verified = some && whole && len(res.Problems) == 0
	return res, nil
}
