package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/worktree"
)

// A hole is content of files that a head had and that is not here any more: it
// was met damaged, or its pack is gone. The rest of the head goes on, and the
// hole is told of until it is filled: by a scan that reads the file, or by a peer.

// holedHeads are those of H that lack contents.
func (w *view) holedHeads() []object.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.holed)
}

// holes are the chunks that the heads lack.
func (w *view) holes(ctx context.Context) ([]object.ID, error) {
	if _, _, err := w.H(ctx); err != nil {
		return nil, err
	}
	w.mu.Lock()
	var out []object.ID
	for _, id := range w.holed {
		out = append(out, w.complete.holes[id]...)
	}
	w.mu.Unlock()
	slices.SortFunc(out, compareID)
	return w.v.repo.Missing(ctx, slices.Compact(out))
}

// fetchHoles asks the peer for what is lost of contents, each once.
func (x *session) fetchHoles(ctx context.Context) error {
	lost, err := x.v.view.holes(ctx)
	if err != nil || len(lost) == 0 {
		return err
	}
	news := 0
	for some := range slices.Chunk(lost, proto.MaxGet) {
		r := &receiver{x: x, ask: map[object.ID]bool{}}
		for _, id := range some {
			r.ask[id] = true
		}
		_, err := x.request(ctx, &proto.Request{Request: &proto.Request_Get{Get: &proto.Get{Ids: raw(some)}}}, r)
		if cerr := x.v.repo.Commit(ctx); err == nil { // what has come stays
			err = cerr
		}
		if err != nil {
			return err
		}
		news += r.news
	}
	if news == 0 { // the peer has none of it
		return nil
	}
	x.v.view.fresh(ctx)
	return x.gathered(ctx)
}

// noHole checks and marks a new snapshot as complete. When it is not, files
// that were taken as known are read anew by the next one. Older ones below it may
// lack contents: that is told of as damage, and is no reason to keep no new ones.
func (n *Node) noHole(ctx context.Context, v *vault, id, tree object.ID) error {
	v.view.mu.Lock()
	s, err := v.view.standing(ctx, id, true)
	v.view.mu.Unlock()
	if err != nil || s == whole {
		return err
	}
	if s == holed {
		return n.filled(ctx, v, tree)
	}
	return errors.Join(fmt.Errorf("snapshot: something that it names is not here: %w", object.ErrMissing), n.readAnew(v))
}

// sound is a tree that was found to have no holes, and the index that it was
// looked up in.
type sound struct {
	tree       object.ID
	generation [16]byte
}

// filled is the error that a tree has a hole. It looks at what differs from the
// tree that had none last. The caller holds n.work.
func (n *Node) filled(ctx context.Context, v *vault, tree object.ID) error {
	now := sound{tree, v.repo.Generation()}
	var base object.ID
	if n.sound.generation == now.generation {
		base = n.sound.tree
	}
	for c, err := range object.Diff(ctx, v.repo, base, tree) {
		if err != nil {
			return err
		}
		if c.B == nil {
			continue
		}
		lost, err := isLost(ctx, v, *c.B)
		if err != nil {
			return err
		}
		if lost {
			return fail(Damage, damageHint, "the repository is damaged: the content of %s, which this device had, is lost, and no mapped directory holds it", legible(c.Path)).by(cas.ErrDamaged)
		}
	}
	n.sound = now
	return nil
}

// isLost reports whether content of a file is not here.
func isLost(ctx context.Context, v *vault, e object.Entry) (bool, error) {
	var ids []object.ID
	for _, x := range []object.Content{e.Content, e.Xattrs} {
		switch x.Kind {
		case object.KindChunk:
			ids = append(ids, x.ID)
		case object.KindList:
			for p, err := range object.Chunks(ctx, v.repo, x.ID, e.Size) {
				if errors.Is(err, object.ErrMissing) || errors.Is(err, cas.ErrDamaged) {
					return true, nil
				}
				if err != nil {
					return false, err
				}
				ids = append(ids, p.ID)
			}
		}
	}
	miss, err := v.repo.Missing(ctx, ids)
	return len(miss) > 0, err
}

var errLostContent = fmt.Errorf("its content cannot be read: %w", object.ErrMissing)

func lostProblem(path string) worktree.Problem {
	return worktree.Problem{Path: path, Reason: errLostContent.Error(), Err: errLostContent}
}

// spared is a tree that is to be put over another one, at a path, where those
// files stay as they are whose wanted content is lost: each is a problem.
func spared(ctx context.Context, v *vault, have, want object.ID, at string, bad *[]worktree.Problem) (object.ID, object.Summary, error) {
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, v.repo, have, want) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if c.B == nil {
			continue
		}
		path := object.JoinPath(at, c.Name)
		if c.B.Kind != object.Dir {
			lost, err := isLost(ctx, v, *c.B)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			if lost {
				*bad = append(*bad, lostProblem(path))
				edits = append(edits, object.Edit{Name: c.Name, Entry: c.A})
			}
			continue
		}
		var below object.ID
		if c.A != nil && c.A.Kind == object.Dir {
			below = c.A.Tree
		}
		id, sum, err := spared(ctx, v, below, c.B.Tree, path, bad)
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if id != c.B.Tree {
			e := *c.B
			e.Tree, e.Size = id, sum.Bytes
			edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
		}
	}
	if len(edits) == 0 {
		sum, err := object.Summarise(ctx, v.repo, want)
		return want, sum, err
	}
	return object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, want, edits)
}
