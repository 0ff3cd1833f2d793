package node

import (
	"context"
	"errors"
	"io/fs"
	"iter"
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
	Notices  []Problem `json:"notices,omitempty"` // files that an earlier restore was replacing and that came back
	Verified bool      `json:"verified"`          // all that was restored was read back, and is what the snapshot holds
	Left     uint64    `json:"left"`              // files that --overwrite never or newer left as they are, and that differ
	Changes  []Change  `json:"changes,omitempty"` // of a dry run with --delete
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
	var named []object.Entry
	for _, ref := range refs {
		p, path, e, err := n.at(ctx, v, ref)
		if err != nil {
			return wanted{}, "", err
		}
		if !p.snap.IsZero() {
			snap = p.snap.CID(object.KindSnapshot)
		}
		named = append(named, e)
		if len(refs) == 1 && e.Kind == object.Dir {
			w := wanted{full: e.Tree}
			if w.unmatched, err = n.unmatched(ctx, v, r, named); err == nil {
				w.tree, err = n.filter(ctx, v, e.Tree, path, r)
			}
			return w, snap, err
		}
		if r.Delete {
			return wanted{}, "", fail(Usage, "leave --delete away, or restore one directory: bsv restore REF:/DIR --to DIR --delete",
				"--delete with --to makes DIR what one directory of the vault was, and that is not what is named here")
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
	var w wanted
	var err error
	if w.unmatched, err = n.unmatched(ctx, v, r, named); err != nil {
		return w, snap, err
	}
	if w.tree, _, err = object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, object.ID{}, edits); err == nil {
		w.full, _, err = object.EditTree(ctx, v.repo.Hasher(), v.repo, v.repo, object.ID{}, full)
	}
	return w, snap, err
}

// unmatched is what is left of --include when what is named was looked through:
// an error, unless --delete may yet find it in the place that is restored to.
func (n *Node) unmatched(ctx context.Context, v *vault, r RestoreRequest, named []object.Entry) ([]string, error) {
	left, err := worktree.Unmatched(ctx, v.repo, r.Include, named)
	if err == nil && !r.Delete {
		err = matched(left)
	}
	return left, err
}

// matched is the error that a pattern of --include chose nothing.
func matched(unmatched []string) error {
	if len(unmatched) == 0 {
		return nil
	}
	return fail(NotFound, "bsv ls -R REF:/DIR lists the names; a pattern without / is compared with each name, one with / with the path below what is restored",
		"--include %s matches nothing", unmatched[0])
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
	names, err := os.ReadDir(to)
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
	fresh := !slices.ContainsFunc(names, func(e fs.DirEntry) bool { return !worktree.Unfinished(e.Name()) })
	if !fresh && r.Overwrite == "" {
		return res, fail(Usage, "choose an empty directory, or say what to do with files that are there: --overwrite changed|newer|never|always", "%s is not empty", to)
	}
	if len(names) > 0 && !r.DryRun {
		if res.Notices, err = n.recoverTarget(ctx, v, m, w.full, r.Delete && len(r.Include)+len(r.Exclude) == 0); err != nil {
			return res, err
		}
	}
	var have object.ID // what stands there: it is compared, not stored
	want := w.tree
	dry := v.repo.Dry()
	over := &overwriting{s: dry, r: r}
	if fresh {
		err = matched(w.unmatched)
	} else {
		var s worktree.ScanResult
		if s, err = worktree.Scan(ctx, worktree.ScanOptions{Mapping: m, Store: dry, Memory: noMemory{}}); err != nil {
			return res, err
		}
		have, res.Problems = s.Tree, problems(s.Problems)
		if w.unmatched, err = worktree.Unmatched(ctx, dry, w.unmatched, []object.Entry{{Kind: object.Dir, Tree: have}}); err == nil {
			err = matched(w.unmatched)
		}
		if err == nil {
			want, _, err = over.with(ctx, have, w, "/")
		}
	}
	if err != nil {
		return res, err
	}
	res.Left = uint64(len(over.left))
	if r.DryRun {
		var c worktree.Change
		c, res.Changes, err = effects(ctx, dry, rulesThere{v.repo}, m, have, want, r.Delete)
		res.Applied = Applied(c)
		return res, err
	}
	c, err := worktree.Count(ctx, dry, rulesThere{v.repo}, m, have, want)
	if err != nil {
		return res, err
	}
	if fresh {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return res, err
		}
		err = n.beginTree(ctx, v, "restore", c.Created, want)
	} else {
		n.meter.begin("restore", c.Created+c.Updated+c.Deleted, 0)
	}
	if err != nil {
		return res, err
	}
	a, err := worktree.Apply(ctx, worktree.ApplyOptions{Mapping: m, Steps: worktree.Plan(ctx, dry, have, want),
		Content: v.repo, Store: dry, Memory: noMemory{}, Fresh: fresh, Events: n.emit, Fault: n.fault})
	res.Applied, res.Problems = Applied(a.Change), append(res.Problems, problems(a.Problems)...)
	if err != nil || !r.Verify {
		return res, err
	}
	return n.verify(ctx, v, worktree.VerifyOptions{Mapping: m, Entry: object.Entry{Kind: object.Dir, Tree: w.tree}}, over.left, res)
}

// recoverTarget cleans what a restore that was interrupted left in the place
// that the next one goes to. While a file is being got somewhere, its name is
// one of those: then it waits for the next time.
func (n *Node) recoverTarget(ctx context.Context, v *vault, m worktree.Mapping, tree object.ID, all bool) ([]Problem, error) {
	if !n.getting.TryLock() {
		return nil, nil
	}
	defer n.getting.Unlock()
	var out []Problem
	back, err := worktree.RecoverTarget(ctx, m, v.repo, tree, all)
	for _, p := range back {
		out = append(out, Problem{Path: NewPath(object.JoinPath(m.Path, p)), Reason: "an earlier restore was replacing this file; it came back under this name"})
	}
	return out, err
}

// rulesThere reads ignore rules of a tree that was not stored: those that only
// the disk has count as none, for a count; who applies the plan reads the disk.
type rulesThere struct{ worktree.Content }

func (c rulesThere) Stream(ctx context.Context, of object.Content, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for b, err := range c.Content.Stream(ctx, of, from) {
			if errors.Is(err, object.ErrMissing) || !yield(b, err) {
				return
			}
		}
	}
}

// effects counts what a plan would do to files, and names it if list says so.
func effects(ctx context.Context, g object.Getter, c worktree.Content, m worktree.Mapping, have, want object.ID, list bool) (worktree.Change, []Change, error) {
	var sum worktree.Change
	var out []Change
	for s, err := range worktree.Effects(ctx, g, c, m, have, want) {
		if err != nil {
			return sum, out, err
		}
		sum.Add(s)
		if s.Op == worktree.OpSetDir || !list {
			continue
		}
		path := m.Path
		for _, name := range s.Path {
			path = object.JoinPath(path, name)
		}
		out = append(out, changeOf(path, s.From, s.To))
	}
	return sum, out, nil
}

// verify reads back what was restored and compares it with what the snapshot
// holds; left are the paths that were left as they are.
func (n *Node) verify(ctx context.Context, v *vault, o worktree.VerifyOptions, left []string, res RestoreResult) (RestoreResult, error) {
	o.Store = v.repo.Dry()
	bad, err := worktree.Verify(ctx, o)
	if err != nil {
		return res, err
	}
	told := map[Path]bool{}
	for _, p := range res.Problems {
		told[p.Path] = true
	}
	was := map[string]bool{}
	for _, p := range left {
		was[p] = true
	}
	for _, p := range problems(bad) {
		if told[p.Path] {
			continue
		}
		if was[p.Raw()] {
			p.Reason = "left as it is, and not what the snapshot holds"
		}
		res.Problems = append(res.Problems, p)
	}
	res.Verified = len(res.Problems) == 0
	return res, nil
}
