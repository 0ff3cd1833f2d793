package node

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// mappings are the mappings of this device, in order of virtual path.
func (n *Node) mappings(v *vault) ([]worktree.Mapping, error) {
	s, err := n.home.Setup()
	if err != nil {
		return nil, err
	}
	homeDir := n.homeDir()
	var out []worktree.Mapping
	for _, m := range s.Mappings {
		w := worktree.Mapping{Path: m.Path, Dir: string(m.Dir), Device: v.id, Exclude: n.home.Config().Snapshot.Exclude}
		if inside(homeDir, w.Dir) {
			w.Hidden = []string{homeDir}
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b worktree.Mapping) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return out, nil
}

// homeDir is the home's own path, by no link, as mapped directories are kept.
func (n *Node) homeDir() string {
	dir := n.home.Paths().Dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// inside reports whether a directory is another one or below it.
func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && (len(rel) < 3 || rel[:3] != ".."+string(filepath.Separator))
}

// state is f(heads), with its new objects put into the store.
func (n *Node) state(ctx context.Context, v *vault, heads []object.ID) (merge.Result, error) {
	return n.stateBy(ctx, v, v.env(), heads)
}

// stateGiven is f(A): by rules that this program has, since it gave that
// state to the disk.
func (n *Node) stateGiven(ctx context.Context, v *vault, a []object.ID) (merge.Result, error) {
	env := v.env()
	env.Version = min(env.Version, merge.Version)
	return n.stateBy(ctx, v, env, a)
}

func (n *Node) stateBy(ctx context.Context, v *vault, env merge.Env, heads []object.ID) (merge.Result, error) {
	r, err := merge.State(ctx, env, heads)
	if err != nil {
		return r, err
	}
	for _, o := range r.New {
		if _, err := v.repo.Put(ctx, o.Kind, o.Plain); err != nil {
			return r, err
		}
	}
	return r, nil
}

// subtree is the tree at a mapping's path; the empty one where nothing is.
func subtree(ctx context.Context, v *vault, root object.ID, path string) (object.ID, error) {
	e, ok, err := object.LookupPath(ctx, v.repo, root, path)
	if err != nil {
		return object.ID{}, err
	}
	if !ok || e.Kind != object.Dir {
		return emptyTree(ctx, v)
	}
	return e.Tree, nil
}

func emptyTree(ctx context.Context, v *vault) (object.ID, error) {
	_, b := object.EmptyTree(v.repo.Hasher())
	return v.repo.Put(ctx, object.KindTree, b)
}

// given reads what the disk was given. After the loss of state.db A is H.
func (n *Node) given(ctx context.Context, v *vault) (home.Given, error) {
	g, err := n.home.State().Given()
	if err != nil {
		return g, err
	}
	if !g.Known {
		if g.A, _, err = v.view.H(ctx); err != nil {
			return g, err
		}
	}
	return g, nil
}

// held is what a directory of unknown past holds of the known history.
func (n *Node) held(ctx context.Context, v *vault, path string, scanned object.ID) (object.ID, error) {
	roots, err := n.everAt(ctx, v, path)
	if err != nil {
		return object.ID{}, err
	}
	return worktree.Held(ctx, v.repo.Hasher(), v.repo, v.repo, scanned, roots)
}

// everAt is the trees that the known snapshots hold at a path.
func (n *Node) everAt(ctx context.Context, v *vault, path string) ([]object.ID, error) {
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return nil, err
	}
	var roots []object.ID
	seen := map[object.ID]bool{}
	known := map[object.ID]bool{}
	todo := slices.Clone(heads)
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		s, err := object.GetSnapshot(ctx, v.repo, id)
		if err != nil {
			return nil, err
		}
		todo = append(todo, s.Parents...)
		e, ok, err := object.LookupPath(ctx, v.repo, s.Root, path)
		if err != nil {
			return nil, err
		}
		if ok && e.Kind == object.Dir && !known[e.Tree] {
			known[e.Tree] = true
			roots = append(roots, e.Tree)
		}
	}
	return roots, nil
}

// settle finishes what an interrupted run left: a snapshot in A that no
// record names is published, a device whose records are gone says again what it
// is, and half-done swaps of an apply are cleaned.
func (n *Node) settle(ctx context.Context) error {
	v, err := n.open()
	if err != nil {
		return err
	}
	g, err := n.home.State().Given()
	if err != nil {
		return err
	}
	if err := n.sayAgain(ctx, v, g.A); err != nil {
		if Explain(err).Kind != NoSpace && !errors.Is(err, ErrClone) {
			return err
		}
		n.unnamed = len(g.A) == 1 // what is stored can be read all the same
		n.log.Warn("what this device stored last stays unpublished", "err", err)
	}
	b, err := n.home.State().Value("applying")
	if err != nil || b == nil {
		return err
	}
	maps, err := n.mappings(v)
	if err != nil {
		return err
	}
	for _, m := range maps {
		n.unswapped[m.Path] = true
	}
	return n.recoverSwaps(ctx, v)
}

// sayAgain publishes a snapshot in A and a head that no record names, and what this
// device is when none of its records is left.
func (n *Node) sayAgain(ctx context.Context, v *vault, a []object.ID) error {
	if len(a) == 1 {
		if err := n.publishUnnamed(ctx, v, a[0]); err != nil {
			return err
		}
	}
	if err := n.publishHead(ctx, v); err != nil && !isDamage(err) { // which others tell of
		return err
	}
	if _, ok := v.view.newest(v.id); ok || !v.view.isMember(v.id) {
		return nil
	}
	return n.publish(ctx, v, object.ID{})
}

// publishGiven publishes the snapshot in A that no record names yet. Until that
// succeeds nothing is applied: what the disk holds of it is in no state that
// counts, and would be deleted. The caller holds n.work.
func (n *Node) publishGiven(ctx context.Context, v *vault, g home.Given) error {
	if !n.unnamed || len(g.A) != 1 {
		return nil
	}
	if err := n.publishUnnamed(ctx, v, g.A[0]); err != nil {
		return err
	}
	n.unnamed = false
	n.changed()
	return nil
}

func (n *Node) publishUnnamed(ctx context.Context, v *vault, id object.ID) error {
	v.view.mu.Lock()
	_, ok, err := v.view.counts(ctx, id)
	v.view.mu.Unlock()
	if err != nil || !ok {
		return err
	}
	s, err := object.GetSnapshot(ctx, v.repo, id)
	if err != nil || s.Device != v.id {
		return err
	}
	heads, err := v.view.recorded(ctx)
	if err != nil {
		return err
	}
	seen, err := merge.Seen(ctx, v.env(), heads, []object.ID{id})
	if err != nil || seen[0] {
		return err
	}
	n.log.Info("publishing a snapshot that was interrupted", "snapshot", id.Short())
	return n.publish(ctx, v, id)
}
