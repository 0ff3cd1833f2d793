package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// ShowRequest is bsv show, ls and get: [REF:]PATH.
type ShowRequest struct {
	Ref       string `json:"ref,omitempty" query:"ref"`
	Recursive bool   `json:"recursive,omitempty" query:"recursive"`
	Deleted   bool   `json:"deleted,omitempty" query:"deleted"` // what was there once, and is not now
}

// ShowResult is a snapshot, or what stands at a path.
type ShowResult struct {
	Snapshot  *SnapshotInfo  `json:"snapshot,omitempty"`
	Changes   []Change       `json:"changes,omitempty"`
	Conflicts []ConflictInfo `json:"conflicts,omitempty"`
	Entry     *Entry         `json:"entry,omitempty"`
	Entries   []Entry        `json:"entries,omitempty"`
}

func (n *Node) entryInfo(v *vault, path string, e object.Entry) Entry {
	out := Entry{Path: NewPath(path), Kind: kindName(e.Kind), Size: e.Size, Mode: fmt.Sprintf("%04o", e.Mode), MTime: stamp(e.MTime), Target: e.Target}
	if e.Kind == object.Dir && e.MTime == 0 { // of the root and of mapped directories none is kept
		out.MTime = ""
	}
	kind := object.KindChunk
	switch {
	case e.Kind == object.Dir:
		kind = object.KindTree
	case e.Content.Kind == object.KindList:
		kind = object.KindList
	}
	out.ID = e.Digest(v.repo.Hasher()).CID(kind)
	return out
}

// at finds what [REF:]PATH names.
func (n *Node) at(ctx context.Context, v *vault, ref string) (place, string, object.Entry, error) {
	name, path, err := parseRef(ref)
	if err != nil {
		return place{}, "", object.Entry{}, err
	}
	p, err := n.resolve(ctx, v, name)
	if err != nil {
		return p, path, object.Entry{}, err
	}
	e, ok, err := object.LookupPath(ctx, v.repo, p.root, path)
	if err == nil && !ok {
		err = fail(NotFound, n.nearest(ctx, v, p, path), "%s: no such path in %s", path, p.name)
	}
	return p, path, e, err
}

// nearest is the command that lists what is nearest to a path that is not there.
func (n *Node) nearest(ctx context.Context, v *vault, p place, path string) string {
	for path != "/" {
		path, _ = object.SplitPath(path)
		if e, ok, err := object.LookupPath(ctx, v.repo, p.root, path); err == nil && ok && e.Kind == object.Dir {
			break
		}
	}
	if p.name != "latest" {
		path = p.name + ":" + path
	}
	return "bsv ls " + quote(path)
}

// Show is bsv show.
func (n *Node) Show(ctx context.Context, r ShowRequest) (ShowResult, error) {
	var res ShowResult
	v, err := n.open()
	if err != nil {
		return res, err
	}
	p, path, e, err := n.at(ctx, v, r.Ref)
	if err != nil {
		return res, err
	}
	if namesPath(r.Ref) {
		i := n.entryInfo(v, path, e)
		res.Entry = &i
		if e.Kind == object.Dir {
			l, err := n.Ls(ctx, r)
			res.Entries = l.Entries
			return res, err
		}
		return res, nil
	}
	if p.snap.IsZero() {
		i := n.entryInfo(v, "/", e)
		res.Entry = &i
		return res, nil
	}
	s, err := object.GetSnapshot(ctx, v.repo, p.snap)
	if err != nil {
		return res, err
	}
	info := snapshotInfo(p.snap, s)
	res.Snapshot = &info
	devices := n.names(v)
	for _, c := range s.Conflicts {
		res.Conflicts = append(res.Conflicts, n.conflictInfo(v, devices, c))
	}
	d, err := n.diffTrees(ctx, v, s.Base, s.Root, nil)
	res.Changes = d.Changes
	return res, err
}

// LsResult lists entries.
type LsResult struct {
	Entries []Entry `json:"entries"`
}

// Ls is bsv ls.
func (n *Node) Ls(ctx context.Context, r ShowRequest) (LsResult, error) {
	res := LsResult{Entries: []Entry{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	ref := r.Ref
	if ref == "" {
		ref = "/"
	}
	if r.Deleted {
		return n.lsDeleted(ctx, v, ref, r.Recursive)
	}
	_, path, e, err := n.at(ctx, v, ref)
	if err != nil {
		return res, err
	}
	if e.Kind != object.Dir {
		res.Entries = append(res.Entries, n.entryInfo(v, path, e))
		return res, nil
	}
	if r.Recursive {
		for pe, err := range object.Walk(ctx, v.repo, e.Tree) {
			if err != nil {
				return res, err
			}
			full := pe.Path
			if path != "/" {
				full = path + pe.Path
			}
			res.Entries = append(res.Entries, n.entryInfo(v, full, pe.Entry))
		}
		return res, nil
	}
	for c, err := range object.Entries(ctx, v.repo, e.Tree, "") {
		if err != nil {
			return res, err
		}
		res.Entries = append(res.Entries, n.entryInfo(v, object.JoinPath(path, c.Name), c))
	}
	return res, nil
}

// DiffRequest is bsv diff.
type DiffRequest struct {
	A     string   `json:"a,omitempty" query:"a"`
	B     string   `json:"b,omitempty" query:"b"`
	Paths []string `json:"paths,omitempty" query:"path,explode"`
}

// Change is a path that differs.
type Change struct {
	Path
	Change string `json:"change"` // added, removed, changed, meta
	Kind   string `json:"kind"`
	Old    uint64 `json:"old_size"`
	New    uint64 `json:"new_size"`

	Waiting bool `json:"waiting,omitempty"` // made elsewhere, and not on this disk yet
}

// DiffResult lists what differs.
type DiffResult struct {
	Changes []Change `json:"changes"`
}

// Diff is bsv diff: without refs, what the disk holds otherwise than the state;
// with one, that against the state.
func (n *Node) Diff(ctx context.Context, r DiffRequest) (DiffResult, error) {
	v, err := n.open()
	if err != nil {
		return DiffResult{Changes: []Change{}}, err
	}
	a, b := r.A, r.B
	if b == "" {
		x, y, ok, err := parseRange(a)
		if err != nil {
			return DiffResult{Changes: []Change{}}, err
		}
		if ok {
			a, b = x, y
		}
	}
	if a == "" && b == "" {
		return n.diffDisk(ctx, v, r.Paths)
	}
	from, err := n.resolve(ctx, v, a)
	if err != nil {
		return DiffResult{Changes: []Change{}}, err
	}
	to, err := n.resolve(ctx, v, b)
	if err != nil {
		return DiffResult{Changes: []Change{}}, err
	}
	only, err := cleanPaths(r.Paths)
	if err != nil {
		return DiffResult{Changes: []Change{}}, err
	}
	for _, p := range only {
		if err := n.thereIn(ctx, v, p, from, to); err != nil {
			return DiffResult{Changes: []Change{}}, err
		}
	}
	return n.diffTrees(ctx, v, from.root, to.root, only)
}

func cleanPaths(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		c, err := object.CleanPath(p)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// thereIn is the error that a path stands in none of some places.
func (n *Node) thereIn(ctx context.Context, v *vault, path string, in ...place) error {
	var where []string
	for _, p := range in {
		if _, ok, err := object.LookupPath(ctx, v.repo, p.root, path); err != nil || ok {
			return err
		}
		where = append(where, p.name)
	}
	return fail(NotFound, n.nearest(ctx, v, in[0], path), "%s: no such path in %s", path, strings.Join(where, " or "))
}

// diffTrees compares two trees at or below some clean paths; at all when there
// are none.
func (n *Node) diffTrees(ctx context.Context, v *vault, a, b object.ID, only []string) (DiffResult, error) {
	res := DiffResult{Changes: []Change{}}
	for c, err := range object.Diff(ctx, v.repo, a, b) {
		if err != nil {
			return res, err
		}
		if among(c.Path, only) {
			res.Changes = append(res.Changes, changeOf(c.Path, c.A, c.B))
		}
	}
	return res, nil
}

// among reports whether a path is one of some, or below one; of none, each is.
func among(path string, some []string) bool {
	return len(some) == 0 || slices.ContainsFunc(some, func(p string) bool { return object.Within(path, p) })
}

// changeOf says how the entry at a path became another; nil is none.
func changeOf(path string, a, b *object.Entry) Change {
	ch := Change{Path: NewPath(path)}
	switch {
	case a == nil:
		ch.Change, ch.Kind, ch.New = "added", kindName(b.Kind), b.Size
	case b == nil:
		ch.Change, ch.Kind, ch.Old = "removed", kindName(a.Kind), a.Size
	default:
		ch.Change, ch.Kind, ch.Old, ch.New = "changed", kindName(b.Kind), a.Size, b.Size
		if a.Kind == object.Dir && b.Kind == object.Dir || a.SameContent(*b) {
			ch.Change = "meta"
		}
	}
	return ch
}

// diffMapped compares a mapped directory with the state, as seen from what the
// disk was given last: what is otherwise there was done here, what is otherwise
// in the state was done elsewhere and waits.
func (n *Node) diffMapped(ctx context.Context, v *vault, res *DiffResult, s scanOf, state object.ID, only []string) error {
	for c, err := range object.Diff(ctx, v.repo, state, s.r.Tree) {
		if err != nil {
			return err
		}
		path := s.m.Path + c.Path
		if !among(path, only) {
			continue
		}
		var given *object.Entry
		if e, ok, err := object.LookupPath(ctx, v.repo, s.materialised, c.Path); err != nil {
			return err
		} else if ok {
			given = &e
		}
		if !sameItself(given, c.B) {
			res.Changes = append(res.Changes, changeOf(path, given, c.B))
		}
		if !sameItself(given, c.A) {
			ch := changeOf(path, given, c.A)
			ch.Waiting = true
			res.Changes = append(res.Changes, ch)
		}
	}
	return nil
}

// sameItself compares two entries, of directories without what is in them.
func sameItself(a, b *object.Entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	if x.Kind == object.Dir && y.Kind == object.Dir {
		x.Tree, x.Size = y.Tree, y.Size
	}
	return x == y
}

// diffDisk compares the mapped directories with the state.
func (n *Node) diffDisk(ctx context.Context, v *vault, paths []string) (DiffResult, error) {
	res := DiffResult{Changes: []Change{}}
	only, err := cleanPaths(paths)
	if err != nil {
		return res, err
	}
	n.work.Lock()
	defer n.work.Unlock()
	defer n.storeNothing(v)()
	g, err := n.given(ctx, v)
	if err != nil {
		return res, err
	}
	scans, _, err := n.scan(ctx, v, &g, nil, nil)
	if err != nil {
		return res, err
	}
	st, err := n.resolve(ctx, v, "")
	if err != nil {
		return res, err
	}
	for _, s := range scans {
		have, err := subtree(ctx, v, st.root, s.m.Path)
		if err != nil {
			return res, err
		}
		if err := n.diffMapped(ctx, v, &res, s, have, only); err != nil {
			return res, err
		}
	}
	for _, p := range only {
		there := slices.ContainsFunc(scans, func(s scanOf) bool { return object.Within(s.m.Path, p) }) ||
			slices.ContainsFunc(res.Changes, func(c Change) bool { return object.Within(c.Raw(), p) })
		if !there {
			if err := n.thereIn(ctx, v, p, st); err != nil {
				return res, err
			}
		}
	}
	return res, nil
}
