package node

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// EditResult is what an edit of the virtual tree did.
type EditResult struct {
	Applied  Applied   `json:"applied"`
	State    string    `json:"state"`
	Problems []Problem `json:"problems"`
	Notices  []Problem `json:"notices,omitempty"` // what was left out on purpose
}

func (n *Node) edited(ctx context.Context, v *vault, a applied, err error, paths ...string) (EditResult, error) {
	res := EditResult{Applied: Applied(a.change), Problems: problems(a.problems)}
	if err != nil {
		return res, err
	}
	p, err := n.resolve(ctx, v, "")
	if err == nil {
		res.State = p.root.CID(object.KindTree)
		err = n.heldBack(ctx, v, a, paths...)
	}
	return res, err
}

// openAt is the vault, and a path in it made clean.
func (n *Node) openAt(path string) (*vault, string, error) {
	v, err := n.openToChange()
	if err != nil {
		return nil, "", err
	}
	path, err = object.CleanPath(path)
	return v, path, err
}

// AddRequest is bsv add.
type AddRequest struct {
	Sources   []string `json:"sources"` // absolute local paths
	Path      string   `json:"path"`
	Recursive bool     `json:"recursive,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
}

// Add is bsv add [-r] SRC… VPATH: into VPATH when it is a directory or there
// are several sources, otherwise as VPATH.
func (n *Node) Add(ctx context.Context, r AddRequest) (EditResult, error) {
	v, path, err := n.openAt(r.Path)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	n.work.Lock()
	defer n.work.Unlock()
	if r.DryRun {
		defer n.storeNothing(v)()
	}
	st, err := n.resolve(ctx, v, "")
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	there, ok, err := object.LookupPath(ctx, v.repo, st.root, path)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	for i, src := range r.Sources {
		same := func(o string) bool { return filepath.Base(o) == filepath.Base(src) }
		if j := slices.IndexFunc(r.Sources[:i], same); j >= 0 {
			return EditResult{Problems: []Problem{}}, fail(Usage, "add them one by one, under other names: bsv add "+src+" VPATH",
				"%s and %s are both called %q", r.Sources[j], src, filepath.Base(src))
		}
	}
	into := len(r.Sources) > 1 || ok && there.Kind == object.Dir || strings.HasSuffix(r.Path, "/")
	var add []object.PathEntry
	var bad, notices []worktree.Problem
	for _, src := range r.Sources {
		e, scan, err := n.importPath(ctx, v, src, r.Recursive)
		if err != nil {
			return EditResult{Problems: []Problem{}}, err
		}
		bad, notices = append(bad, scan.Problems...), append(notices, scan.Notices...)
		at := path
		if into {
			at = object.JoinPath(path, filepath.Base(src))
		}
		if at == "/" {
			return EditResult{Problems: []Problem{}}, fail(Usage, "bsv add SRC /name", "the vault's root cannot be replaced")
		}
		add = append(add, object.PathEntry{Path: at, Entry: e})
	}
	a, err := n.editState(ctx, v, "add "+path, r.DryRun, n.adding(ctx, v, func(root object.ID) (object.ID, error) {
		for _, pe := range add {
			e := pe.Entry
			old, ok, err := destination(ctx, v, root, pe.Path)
			switch {
			case err != nil:
				return root, err
			case ok && old.Kind == object.Dir && e.Kind == object.Dir: // unite them, as cp does
				var sum object.Summary
				if e.Tree, sum, err = (&overwriting{s: v.repo}).tree(ctx, old.Tree, e.Tree, pe.Path, false); err != nil {
					return root, err
				}
				e.Size = sum.Bytes
			case ok && (old.Kind == object.Dir || e.Kind == object.Dir):
				return root, fail(Usage, "bsv rm -r "+quote(pe.Path)+", or choose another VPATH", "%s is a %s already", pe.Path, kindName(old.Kind))
			}
			if root, err = object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, pe.Path, &e); err != nil {
				return root, err
			}
		}
		return root, nil
	}))
	a.problems = append(bad, a.problems...)
	var paths []string
	for _, pe := range add {
		paths = append(paths, pe.Path)
	}
	res, err := n.edited(ctx, v, a, err, paths...)
	if len(notices) > 0 {
		res.Notices = problems(notices)
	}
	return res, err
}

// destination looks up a path that is to be written: what lies above it must be
// directories, as far as it is there.
func destination(ctx context.Context, v *vault, root object.ID, path string) (object.Entry, bool, error) {
	for up, _ := object.SplitPath(path); up != "/"; up, _ = object.SplitPath(up) {
		e, ok, err := object.LookupPath(ctx, v.repo, root, up)
		if err != nil {
			return e, false, err
		}
		if ok && e.Kind != object.Dir {
			return e, false, fail(Usage, "bsv rm "+quote(up)+", or choose another VPATH", "%s is a %s, so nothing can lie below it", up, kindName(e.Kind))
		}
	}
	return object.LookupPath(ctx, v.repo, root, path)
}

// importPath stores a local file or directory and returns its entry, and what
// was found on the way.
func (n *Node) importPath(ctx context.Context, v *vault, src string, recursive bool) (object.Entry, worktree.ScanResult, error) {
	src, err := abs(src)
	if err != nil {
		return object.Entry{}, worktree.ScanResult{}, err
	}
	fi, err := os.Lstat(src)
	if errors.Is(err, fs.ErrNotExist) {
		return object.Entry{}, worktree.ScanResult{}, fail(NotFound, "", "%s: no such file", src)
	}
	if err != nil {
		return object.Entry{}, worktree.ScanResult{}, err
	}
	if fi.IsDir() && !recursive {
		return object.Entry{}, worktree.ScanResult{}, fail(Usage, "bsv add -r "+quote(src)+" VPATH", "%s is a directory", src)
	}
	dir, name := filepath.Split(src)
	m := worktree.Mapping{Path: "/", Dir: dir, Unmarked: true}
	if fi.IsDir() { // keys do not belong into the vault
		real, err := filepath.EvalSymlinks(src)
		if err != nil {
			return object.Entry{}, worktree.ScanResult{}, err
		}
		homeDir := n.homeDir()
		if inside(real, homeDir) {
			return object.Entry{}, worktree.ScanResult{}, fail(Usage, "add another directory", "%s is bsv's own home", src)
		}
		if rel, err := filepath.Rel(real, homeDir); err == nil && inside(homeDir, real) {
			m.Hidden = []string{filepath.Join(src, rel)}
		}
	}
	n.meter.begin("add", 0, 0)
	r, err := worktree.Scan(ctx, worktree.ScanOptions{Mapping: m, Store: v.repo, Memory: noMemory{}, Only: name, Events: n.emit})
	if err != nil {
		return object.Entry{}, worktree.ScanResult{}, err
	}
	e, ok, err := object.Lookup(ctx, v.repo, r.Tree, name)
	if err != nil {
		return e, r, err
	}
	if !ok {
		why := "it cannot be stored"
		if len(r.Problems) > 0 {
			why = r.Problems[0].Reason
		}
		return e, r, fail(Failed, "", "%s: %s", src, why)
	}
	return e, r, nil
}

// PutFile stores a stream as a file of the vault: bsv add - VPATH.
func (n *Node) PutFile(ctx context.Context, r PathRequest, in io.Reader) (EditResult, error) {
	v, path, err := n.openAt(r.Path)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	dry := r.DryRun
	mode, err := r.mode(0o666)
	dirMode, derr := r.mode(0o777)
	if err = errors.Join(err, derr); err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	if path == "/" {
		return EditResult{Problems: []Problem{}}, fail(Usage, "bsv add - /name", "the vault's root is a directory")
	}
	if dry {
		defer n.storeNothing(v)()
	}
	before := v.repo.Rollbacks()
	c, size, err := v.repo.WriteFile(ctx, in, 0)
	if err == nil && !dry { // a stream may be slow: nobody waits for it, so it must be durable by itself
		err = v.repo.Commit(ctx)
	}
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	n.work.Lock()
	defer n.work.Unlock()
	if v.repo.Rollbacks() != before {
		return EditResult{Problems: []Problem{}}, fail(NoSpace, "free some space, then run it again; nothing was lost", "%s: no space was left while it came in", path)
	}
	a, err := n.editState(ctx, v, "add "+path, dry, n.adding(ctx, v, func(root object.ID) (object.ID, error) {
		e := object.Entry{Kind: object.File, Content: c, Size: size, Mode: mode, MTime: n.now().UnixNano()}
		old, ok, err := destination(ctx, v, root, path)
		if err != nil {
			return root, err
		}
		if ok {
			if old.Kind == object.Dir {
				return root, fail(Usage, "bsv add - "+quote(object.JoinPath(path, "name")), "%s is a directory", path)
			}
			if old.Kind == object.File {
				e.Mode = old.Mode
			}
		}
		after, err := object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, path, &e)
		if err != nil {
			return after, err
		}
		return made(ctx, v, root, after, path, dirMode)
	}))
	return n.edited(ctx, v, a, err, path)
}

// PathRequest is bsv mkdir, rm and add -.
type PathRequest struct {
	Path      string `json:"path"`
	Recursive bool   `json:"recursive,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
	Umask     string `json:"umask,omitempty"` // octal: the permissions that what is made does not get; empty: 022
}

// mode is that of something new.
func (r PathRequest) mode(of uint16) (uint16, error) {
	if r.Umask == "" {
		return of &^ 0o022, nil
	}
	m, err := strconv.ParseUint(r.Umask, 8, 16)
	if err != nil {
		return 0, fail(Usage, "a umask is octal, like 022", "%q is no umask", r.Umask)
	}
	return of &^ uint16(m), nil
}

// made gives the directories above a path that an edit made their mode.
func made(ctx context.Context, v *vault, before, after object.ID, path string, mode uint16) (object.ID, error) {
	for up, _ := object.SplitPath(path); up != "/"; up, _ = object.SplitPath(up) {
		if old, ok, err := object.LookupPath(ctx, v.repo, before, up); err != nil || ok && old.Kind == object.Dir {
			return after, err
		}
		e, ok, err := object.LookupPath(ctx, v.repo, after, up)
		if err != nil || !ok {
			return after, err
		}
		e.Mode = mode
		if after, err = object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, after, up, &e); err != nil {
			return after, err
		}
	}
	return after, nil
}

// Mkdir is bsv mkdir; a directory that is there is no error.
func (n *Node) Mkdir(ctx context.Context, r PathRequest) (EditResult, error) {
	v, path, err := n.openAt(r.Path)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	mode, err := r.mode(0o777)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	n.work.Lock()
	defer n.work.Unlock()
	a, err := n.editState(ctx, v, "mkdir "+path, r.DryRun, n.adding(ctx, v, func(root object.ID) (object.ID, error) {
		old, ok, err := destination(ctx, v, root, path)
		if err != nil {
			return root, err
		}
		if ok && old.Kind != object.Dir {
			return root, fail(Usage, "bsv ls "+quote(path), "%s is a %s", path, kindName(old.Kind))
		}
		if ok {
			return root, nil
		}
		id, err := emptyTree(ctx, v)
		if err != nil {
			return root, err
		}
		e := object.Entry{Kind: object.Dir, Tree: id, Mode: mode, MTime: n.now().UnixNano()}
		after, err := object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, path, &e)
		if err != nil {
			return after, err
		}
		return made(ctx, v, root, after, path, mode)
	}))
	return n.edited(ctx, v, a, err, path)
}

// Rm is bsv rm: the history keeps what is removed.
func (n *Node) Rm(ctx context.Context, r PathRequest) (EditResult, error) {
	v, path, err := n.openAt(r.Path)
	if err != nil {
		return EditResult{Problems: []Problem{}}, err
	}
	if path == "/" {
		return EditResult{Problems: []Problem{}}, fail(Usage, "name what to remove: bsv ls /", "the vault's root cannot be removed")
	}
	n.work.Lock()
	defer n.work.Unlock()
	a, err := n.editState(ctx, v, "rm "+path, r.DryRun, func(root object.ID) (object.ID, error) {
		old, ok, err := object.LookupPath(ctx, v.repo, root, path)
		if err != nil {
			return root, err
		}
		if !ok {
			return root, fail(NotFound, n.nearest(ctx, v, place{root: root, name: "latest"}, path), "%s: no such path", path)
		}
		if old.Kind == object.Dir && !r.Recursive {
			return root, fail(Usage, "bsv rm -r "+quote(path), "%s is a directory", path)
		}
		return object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, root, path, nil)
	})
	return n.edited(ctx, v, a, err, path)
}

// Get opens a file of the vault for reading: bsv get [REF:]VPATH -.
func (n *Node) Get(ctx context.Context, ref string) (Entry, iter.Seq2[[]byte, error], error) {
	v, err := n.open()
	if err != nil {
		return Entry{}, nil, err
	}
	_, path, e, err := n.at(ctx, v, ref)
	if err != nil {
		return Entry{}, nil, err
	}
	if e.Kind != object.File {
		return Entry{}, nil, fail(Usage, "bsv get -r "+quote(path)+" DIR", "%s is a %s", path, kindName(e.Kind))
	}
	return n.entryInfo(v, path, e), v.repo.Stream(ctx, e.Content, 0), nil
}

// GetRequest is bsv get to a local path.
type GetRequest struct {
	Ref       string `json:"ref"`
	To        string `json:"to"` // absolute; a slash at its end says that it is a directory
	Recursive bool   `json:"recursive,omitempty"`
}

// GetTo is bsv get [-r] [REF:]VPATH DEST.
func (n *Node) GetTo(ctx context.Context, r GetRequest) (RestoreResult, error) {
	res := RestoreResult{Problems: []Problem{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	p, path, e, err := n.at(ctx, v, r.Ref)
	if err != nil {
		return res, err
	}
	if e.Kind == object.Dir && !r.Recursive {
		return res, fail(Usage, "bsv get -r "+quote(path)+" DIR", "%s is a directory", path)
	}
	to, err := abs(r.To)
	if err != nil {
		return res, err
	}
	if !p.snap.IsZero() {
		res.Snapshot = p.snap.CID(object.KindSnapshot)
	}
	if _, _, err := n.target(v, to, true); err != nil {
		return res, err
	}
	fi, err := os.Stat(to)
	isDir := err == nil && fi.IsDir()
	if strings.HasSuffix(r.To, string(filepath.Separator)) && !isDir && (e.Kind != object.Dir || err == nil) {
		return res, fail(NotFound, "mkdir -p "+quote(to), "%s: no such directory", to)
	}
	if isDir && path != "/" {
		to = filepath.Join(to, e.Name)
	}
	if _, err := os.Lstat(to); err == nil {
		return res, fail(Usage, "choose another name", "%s is there already", to)
	}
	if fi, err := os.Stat(filepath.Dir(to)); err != nil || !fi.IsDir() {
		return res, fail(NotFound, "mkdir -p "+quote(filepath.Dir(to)), "%s: no such directory", filepath.Dir(to))
	}
	if e.Kind == object.Dir {
		return n.restoreTo(ctx, v, RestoreRequest{}, wanted{tree: e.Tree, full: e.Tree}, to, res)
	}
	dir, name := filepath.Split(to)
	n.removeUnfinished(dir)
	n.getting.RLock()
	defer n.getting.RUnlock()
	e.Name = name
	n.meter.begin("get", 1, e.Size)
	steps := func(yield func(worktree.Step, error) bool) {
		yield(worktree.Step{Op: worktree.OpWrite, Path: []string{name}, To: &e}, nil)
	}
	a, err := worktree.Apply(ctx, worktree.ApplyOptions{Mapping: worktree.Mapping{Path: "/", Dir: dir, Unmarked: true}, Steps: steps,
		Content: v.repo, Store: v.repo, Memory: noMemory{}, Fresh: true, Events: n.emit, Fault: n.fault})
	res.Applied, res.Problems = Applied(a.Change), problems(a.Problems)
	if err == nil && len(a.Problems) > 0 {
		why := Explain(a.Problems[0].Err)
		err = &Error{Kind: why.Kind, Msg: to + ": " + a.Problems[0].Reason, Hint: why.Hint, Err: why}
	}
	return res, err
}

// removeUnfinished removes what an interrupted get or restore left in a
// directory, unless something is under way: then it may be its own, and the next
// time will do. What cannot be removed is in nobody's way.
func (n *Node) removeUnfinished(dir string) {
	if !n.work.TryLock() {
		return
	}
	defer n.work.Unlock()
	if !n.getting.TryLock() {
		return
	}
	defer n.getting.Unlock()
	if err := worktree.RemoveUnfinished(dir); err != nil {
		n.log.Debug("an unfinished write stays", "directory", dir, "error", err)
	}
}
