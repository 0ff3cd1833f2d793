package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// RestoreRequest is bsv restore.
type RestoreRequest struct {
	Refs      []string `json:"refs,omitempty"` // [REF:]PATH
	To        string   `json:"to,omitempty"`   // absolute; empty: in place
	Include   []string `json:"include,omitempty"`
	Exclude   []string `json:"exclude,omitempty"`
	Overwrite string   `json:"overwrite,omitempty"` // changed, newer, never, always
	Delete    bool     `json:"delete,omitempty"`
	Verify    bool     `json:"verify,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
}

// RestoreResult is what bsv restore did.
type RestoreResult struct {
	Applied  Applied   `json:"applied"`
	Snapshot string    `json:"snapshot"` // that the files are of
	Problems []Problem `json:"problems"`
	Verified bool      `json:"verified"`
}

// Restore is bsv restore: into another directory, or in place.
func (n *Node) Restore(ctx context.Context, r RestoreRequest) (RestoreResult, error) {
	res := RestoreResult{Problems: []Problem{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	if !slices.Contains([]string{"", "changed", "newer", "never", "always"}, r.Overwrite) {
		return res, fail(Usage, "--overwrite changed|newer|never|always", "unknown way to overwrite %q", r.Overwrite)
	}
	refs := r.Refs
	if len(refs) == 0 {
		refs = []string{"latest:/"}
	}
	if r.To == "" {
		return n.restoreInPlace(ctx, v, r, refs)
	}
	to, err := abs(r.To)
	if err != nil {
		return res, err
	}
	w, snap, err := n.collect(ctx, v, refs, r)
	if err != nil {
		return res, err
	}
	res.Snapshot = snap
	return n.restoreTo(ctx, v, r, w, to, res)
}

// collect makes one tree of what is to be restored: the children of a single
// directory, or the named files and directories under their names.
func (n *Node) collect(ctx context.Context, v *vault, refs []string, r RestoreRequest) (wanted, string, error) {
	snap := ""
	var edits, full []object.Edit
	for _, ref := range refs {
		p, path, e, err := n.at(ctx, v, ref)
		if err != nil {
			return wanted{}, "", err
		}
		if !p.snap.IsZero() {
			snap = p.snap.CID(object.KindSnapshot)
		}
		if len(refs) == 1 && e.Kind == object.Dir {
			tree, err := n.filter(ctx, v, e.Tree, path, r)
			return wanted{tree: tree, full: e.Tree}, snap, err
		}
		if path == "/" {
			return wanted{}, "", fail(Usage, "", "/ cannot be restored beside other paths")
		}
		all := e
		full = append(full, object.Edit{Name: e.Name, Entry: &all})
		if e.Kind == object.Dir {
			if e.Tree, err = n.filter(ctx, v, e.Tree, path, r); err != nil {
				return wanted{}, "", err
			}
		}
		edits = append(edits, object.Edit{Name: e.Name, Entry: &e})
	}
	for _, list := range [][]object.Edit{edits, full} {
		slices.SortFunc(list, func(a, b object.Edit) int { return strings.Compare(a.Name, b.Name) })
	}
	for i := range edits[1:] {
		if edits[i].Name == edits[i+1].Name {
			return wanted{}, "", fail(Usage, "restore them one by one", "two of the paths end in %q", edits[i].Name)
		}
	}
	w := wanted{many: true}
	var err error
	if w.tree, _, err = object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, object.ID{}, edits); err == nil {
		w.full, _, err = object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, object.ID{}, full)
	}
	return w, snap, err
}

// filter leaves out what --include and --exclude leave out.
func (n *Node) filter(ctx context.Context, v *vault, tree object.ID, at string, r RestoreRequest) (object.ID, error) {
	if len(r.Include) == 0 && len(r.Exclude) == 0 {
		return tree, nil
	}
	keep := worktree.NewFilter(r.Include, r.Exclude)
	id, _, err := n.filterDir(ctx, v, tree, nil, keep)
	return id, err
}

func (n *Node) filterDir(ctx context.Context, v *vault, tree object.ID, path []string, keep worktree.Filter) (object.ID, object.Summary, error) {
	var out []object.Entry
	for e, err := range object.Entries(ctx, v.repo, tree, "") {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		p := append(path[:len(path):len(path)], e.Name)
		in, below := keep.Match(p, e.Kind == object.Dir)
		if e.Kind == object.Dir && !in && below {
			id, sum, err := n.filterDir(ctx, v, e.Tree, p, keep)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			if sum.Entries == 0 {
				continue
			}
			e.Tree, e.Size, in = id, sum.Bytes, true
		} else if e.Kind == object.Dir && in && len(keep.Exclude) > 0 {
			id, sum, err := n.filterDir(ctx, v, e.Tree, p, keep.Inside())
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			e.Tree, e.Size = id, sum.Bytes
		}
		if in {
			out = append(out, e)
		}
	}
	return object.BuildTree(ctx, v.repo.Hasher(), v.repo, func(yield func(object.Entry, error) bool) {
		for _, e := range out {
			if !yield(e, nil) {
				return
			}
		}
	})
}

// noMemory is a stat cache that remembers nothing.
type noMemory struct{}

func (noMemory) Row(string, string) ([]byte, error) { return nil, nil }

func (n *Node) restoreTo(ctx context.Context, v *vault, r RestoreRequest, w wanted, to string, res RestoreResult) (RestoreResult, error) {
	n.work.Lock()
	defer n.work.Unlock()
	real, maps, err := n.target(v, to, false)
	if err != nil {
		return res, err
	}
	if fi, err := os.Stat(to); err == nil && !fi.IsDir() {
		return res, fail(Usage, "choose a directory; a single file goes to a name with: bsv get", "%s is not a directory", to)
	}
	list, err := os.ReadDir(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return res, err
	}
	m := worktree.Mapping{Path: "/", Dir: real, Unmarked: true}
	if homeDir := n.homeDir(); inside(homeDir, real) {
		m.Hidden = []string{homeDir}
	}
	for _, o := range maps {
		if r.Delete && inside(o.Dir, real) {
			return res, fail(Usage, "restore without --delete, or: bsv map remove "+quote(o.Path), "%s holds the mapped directory %s: --delete would delete what is in no snapshot", to, o.Dir)
		}
	}
	if len(list) == 0 {
		c, err := worktree.Count(ctx, v.repo, v.repo, m, object.ID{}, w.tree)
		if err != nil || r.DryRun {
			res.Applied = Applied(c)
			return res, err
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			return res, err
		}
		if err := n.beginTree(ctx, v, "restore", c.Created, w.tree); err != nil {
			return res, err
		}
		a, err := worktree.Apply(ctx, worktree.ApplyOptions{Mapping: m, Steps: worktree.Plan(ctx, v.repo, object.ID{}, w.tree),
			Content: v.repo, Store: v.repo, Memory: noMemory{}, Fresh: true, Events: n.emit, Fault: n.fault})
		res.Applied, res.Problems = Applied(a.Change), problems(a.Problems)
		if err != nil {
			return res, err
		}
		return n.verify(ctx, v, r, m, w.tree, res)
	}
	if r.Overwrite == "" && !r.DryRun {
		return res, fail(Usage, "choose an empty directory, or say what to do with files that are there: --overwrite changed|newer|never|always", "%s is not empty", to)
	}
	s, err := worktree.Scan(ctx, worktree.ScanOptions{Mapping: m, Store: v.repo, Memory: noMemory{}})
	if err != nil {
		return res, err
	}
	want, _, err := n.overwriteWith(ctx, v, s.Tree, w, r)
	if err != nil {
		return res, err
	}
	c, err := worktree.Count(ctx, v.repo, v.repo, m, s.Tree, want)
	if err != nil || r.DryRun {
		res.Applied = Applied(c)
		return res, err
	}
	n.meter.begin("restore", c.Created+c.Updated+c.Deleted, 0)
	a, err := worktree.Apply(ctx, worktree.ApplyOptions{Mapping: m, Steps: worktree.Plan(ctx, v.repo, s.Tree, want),
		Content: v.repo, Store: v.repo, Memory: noMemory{}, Events: n.emit, Fault: n.fault})
	res.Applied, res.Problems = Applied(a.Change), append(problems(s.Problems), problems(a.Problems)...)
	if err != nil {
		return res, err
	}
	return n.verify(ctx, v, r, m, want, res)
}

// overwrite is the tree that a directory shall hold after a restore over it.
func (n *Node) overwrite(ctx context.Context, v *vault, have, want object.ID, r RestoreRequest) (object.ID, object.Summary, error) {
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, v.repo, have, want) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		switch {
		case c.B == nil:
			if r.Delete {
				edits = append(edits, object.Edit{Name: c.Name})
			}
		case c.A == nil:
			edits = append(edits, object.Edit{Name: c.Name, Entry: c.B})
		case c.A.Kind == object.Dir && c.B.Kind == object.Dir:
			id, sum, err := n.overwrite(ctx, v, c.A.Tree, c.B.Tree, r)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			e := *c.B
			e.Tree, e.Size = id, sum.Bytes
			edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
		case r.Overwrite == "never", r.Overwrite == "newer" && c.B.MTime <= c.A.MTime:
		default:
			edits = append(edits, object.Edit{Name: c.Name, Entry: c.B})
		}
	}
	return object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, have, edits)
}

// verify reads back what was restored.
func (n *Node) verify(ctx context.Context, v *vault, r RestoreRequest, m worktree.Mapping, tree object.ID, res RestoreResult) (RestoreResult, error) {
	if !r.Verify {
		return res, nil
	}
	s, err := worktree.Scan(ctx, worktree.ScanOptions{Mapping: m, Base: tree, Store: v.repo, Memory: noMemory{}})
	if err != nil {
		return res, err
	}
	for c, err := range object.Diff(ctx, v.repo, tree, s.Tree) {
		if err != nil {
			return res, err
		}
		if c.A != nil && (c.B == nil || !c.A.SameContent(*c.B) && c.A.Kind != object.Dir) {
			res.Problems = append(res.Problems, Problem{Path: NewPath(c.Path), Reason: "reads back differently"})
		}
	}
	res.Verified = len(res.Problems) == 0
	return res, nil
}

// restoreInPlace takes a snapshot, puts what the refs name back into the
// state, and applies it.
func (n *Node) restoreInPlace(ctx context.Context, v *vault, r RestoreRequest, refs []string) (RestoreResult, error) {
	res := RestoreResult{Problems: []Problem{}}
	if err := n.home.Writable(); err != nil {
		return res, err
	}
	type piece struct {
		path string
		e    object.Entry
		full object.ID
	}
	n.work.Lock() // before anything is put: who runs out of space forgets what was
	defer n.work.Unlock()
	var pieces []piece
	for _, ref := range refs {
		p, path, e, err := n.at(ctx, v, ref)
		if err != nil {
			return res, err
		}
		if !p.snap.IsZero() {
			res.Snapshot = p.snap.CID(object.KindSnapshot)
		}
		full := e.Tree
		if e.Kind == object.Dir {
			if e.Tree, err = n.filter(ctx, v, e.Tree, path, r); err != nil {
				return res, err
			}
		}
		pieces = append(pieces, piece{path, e, full})
	}
	out, err := n.editState(ctx, v, "restore "+strings.Join(refs, " "), r.DryRun, func(root object.ID) (object.ID, error) {
		for _, p := range pieces {
			e := p.e
			old, ok, err := destination(ctx, v, root, p.path)
			if err != nil {
				return root, err
			}
			if ok && old.Kind == object.Dir && e.Kind == object.Dir {
				id, sum, err := n.overwriteWith(ctx, v, old.Tree, wanted{tree: e.Tree, full: p.full}, r)
				if err != nil {
					return root, err
				}
				e.Tree, e.Size = id, sum.Bytes
			} else if ok && (r.Overwrite == "never" || r.Overwrite == "newer" && e.MTime <= old.MTime) {
				continue
			}
			if root, err = object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, p.path, &e); err != nil {
				return root, err
			}
		}
		return root, nil
	})
	res.Applied, res.Problems = Applied(out.change), problems(out.problems)
	if err == nil {
		var paths []string
		for _, p := range pieces {
			paths = append(paths, p.path)
		}
		err = n.heldBack(ctx, v, out, paths...)
	}
	return res, err
}

// editState takes a snapshot of the disk, changes the state by change, writes
// that as a snapshot and applies it. Its consent is for what change does, not
// for what waits already. The caller holds n.work.
func (n *Node) editState(ctx context.Context, v *vault, msg string, dry bool, change func(root object.ID) (object.ID, error)) (applied, error) {
	t, err := n.takeSnapshot(ctx, v, "", nil, nil)
	if err != nil {
		return applied{}, err
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return applied{}, err
	}
	st, err := n.state(ctx, v, h)
	if err != nil {
		return applied{}, err
	}
	root, err := change(st.Root)
	if err != nil {
		return applied{}, err
	}
	if dry {
		c, err := worktree.Count(ctx, v.repo, v.repo, worktree.Mapping{Path: "/"}, st.Root, root)
		return applied{change: c}, err
	}
	if root == st.Root { // but the disk may not have been given it yet
		out, err := n.applyState(ctx, v, false)
		out.problems = append(t.problems, out.problems...)
		return out, err
	}
	d := worktree.Decision{Kind: worktree.Write, Tree: root, Base: st.Root, Conflicts: st.Conflicts}
	d.Conflicts, err = alive(ctx, v, d.Conflicts, root)
	if err != nil {
		return applied{}, err
	}
	// The disk was given what it was given: A stays until the apply begins.
	asked := func([]object.ID) error { return n.ask(ctx, v, edit{st.Root, root}) }
	if _, err := n.writeSnapshot(ctx, v, d, h, msg, asked); err != nil {
		return applied{}, err
	}
	out, err := n.applyState(ctx, v, false)
	out.problems = append(t.problems, out.problems...)
	return out, err
}

func alive(ctx context.Context, v *vault, list []object.Conflict, root object.ID) ([]object.Conflict, error) {
	var out []object.Conflict
	for _, c := range list {
		for _, p := range c.Copies {
			_, ok, err := object.LookupPath(ctx, v.repo, root, p)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, c)
				break
			}
		}
	}
	return out, nil
}
