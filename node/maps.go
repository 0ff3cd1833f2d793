package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// MapRequest is bsv map add and remove.
type MapRequest struct {
	Path string `json:"path,omitempty"`
	Dir  string `json:"dir,omitempty"`
	Yes  bool   `json:"yes,omitempty"` // put a lost marker back
}

// MapResult lists mappings.
type MapResult struct {
	Maps []MapInfo `json:"maps"`
}

// MapAdd is bsv map add VPATH DIR. Of what is mapped already it puts the marker
// back, with a person's yes.
func (n *Node) MapAdd(ctx context.Context, r MapRequest) (MapResult, error) {
	v, err := n.openToChange()
	if err != nil {
		return MapResult{Maps: []MapInfo{}}, err
	}
	n.work.Lock()
	if err = n.mapPair(ctx, v, r.Path, r.Dir); err == nil {
		err = n.remark(ctx, v, r)
	}
	n.work.Unlock()
	if err != nil {
		return MapResult{Maps: []MapInfo{}}, err
	}
	n.mapsChanged()
	return n.MapList(ctx)
}

// mapDir maps "DIR" as /basename, or "VPATH=DIR". The caller holds n.work.
func (n *Node) mapDir(ctx context.Context, v *vault, arg string) error {
	vpath, dir, _ := splitMap(asMapped([]string{arg})[0])
	return n.mapPair(ctx, v, vpath, dir)
}

// asMapped makes "VPATH=DIR" of each "DIR", which is mapped as /basename.
func asMapped(args []string) []string {
	out := slices.Clone(args)
	for i, arg := range args {
		if _, _, named := splitMap(arg); !named {
			out[i] = "/" + filepath.Base(arg) + "=" + arg
		}
	}
	return out
}

// splitMap splits "VPATH=DIR". DIR is absolute, so that the = of a name is
// not taken for the one between them.
func splitMap(arg string) (vpath, dir string, ok bool) {
	for i := range len(arg) {
		if arg[0] == '/' && arg[i] == '=' && filepath.IsAbs(arg[i+1:]) {
			return arg[:i], arg[i+1:], true
		}
	}
	return "", "", false
}

// checkMaps says what is wrong with the arguments VPATH=DIR and DIR before
// anything is done for which they are wanted.
func (n *Node) checkMaps(args []string) error {
	var dirs, paths []string
	for _, arg := range args {
		vpath, dir, named := splitMap(arg)
		path, err := "", error(nil)
		if !named {
			dir = arg
		} else if path, err = object.CleanPath(vpath); err != nil {
			return err
		}
		real, there, err := n.mappable(path, dir)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if err := n.markable(real); err != nil {
			return err
		}
		if slices.Contains(dirs, real) {
			return fail(Usage, "a directory belongs to one mapping", "%s is named twice", real)
		}
		if i := slices.IndexFunc(dirs, func(d string) bool { return inside(real, d) || inside(d, real) }); i >= 0 {
			return fail(Usage, "a directory belongs to one mapping", "%s and %s lie inside each other", real, dirs[i])
		}
		if i := slices.IndexFunc(paths, func(p string) bool { return object.Within(path, p) || object.Within(p, path) }); named && i >= 0 {
			return fail(Usage, "choose another VPATH", "%s and %s lie inside each other", path, paths[i])
		}
		if dirs = append(dirs, real); named {
			paths = append(paths, path)
		}
	}
	return nil
}

// CheckDirs says which of the arguments VPATH=DIR and DIR name no directory,
// before a home is made for them.
func CheckDirs(args []string) error {
	for _, arg := range args {
		vpath, dir, named := splitMap(arg)
		if !named {
			dir = arg
		} else if _, err := object.CleanPath(vpath); err != nil {
			return err
		}
		if _, err := directory(dir); err != nil {
			return err
		}
	}
	return nil
}

// directory is a local directory, by no link.
func directory(arg string) (string, error) {
	dir, err := abs(arg)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fail(NotFound, "mkdir -p "+quote(dir), "%s: no such directory", dir)
	}
	if err != nil {
		return "", fmt.Errorf("map %s: %w", dir, err)
	}
	if fi, err := os.Stat(real); err != nil || !fi.IsDir() {
		return "", fail(Usage, "map the directory that holds it", "%s is not a directory", dir)
	}
	return real, nil
}

// mappable is the directory that can be mapped to a path, "" where that is not
// known yet, and whether it is already.
func (n *Node) mappable(path, dirArg string) (dir string, there bool, err error) {
	if dir, err = directory(dirArg); err != nil {
		return "", false, err
	}
	switch {
	case filepath.Dir(dir) == dir:
		return "", false, fail(Usage, "map directories below it, as in: bsv map add /home /home", "the file system's root cannot be mapped")
	case path == "/":
		return "", false, fail(Usage, "bsv map add "+quote("/"+filepath.Base(dir))+" "+quote(dir), "the vault's root cannot be mapped")
	}
	homeDir := n.homeDir()
	if inside(dir, homeDir) {
		return "", false, fail(Usage, "map a directory outside of it", "%s lies inside bsv's own home %s", dir, homeDir)
	}
	setup, err := n.home.Setup()
	if err != nil {
		return "", false, err
	}
	for _, m := range setup.Mappings {
		d := string(m.Dir)
		switch {
		case d == dir && (path == "" || m.Path == path):
			return dir, true, nil
		case m.Path == path:
			return "", false, fail(Usage, "bsv map remove "+quote(path), "%s is mapped to %s already", path, d)
		case path != "" && (object.Within(path, m.Path) || object.Within(m.Path, path)):
			return "", false, fail(Usage, "choose another VPATH: bsv map list", "%s and the mapping %s lie inside each other", path, m.Path)
		case d == dir:
			return "", false, fail(Usage, "bsv map remove "+quote(m.Path)+", or choose another directory", "%s is mapped already, to %s", dir, m.Path)
		case inside(dir, d) || inside(d, dir):
			return "", false, fail(Usage, "a directory belongs to one mapping: bsv map list", "%s and the mapped directory %s lie inside each other", dir, d)
		}
	}
	return dir, false, nil
}

// mapPair maps a virtual path to a directory. The caller holds n.work.
func (n *Node) mapPair(ctx context.Context, v *vault, vpath, dirArg string) error {
	path, err := object.CleanPath(vpath)
	if err != nil {
		return err
	}
	dir, there, err := n.mappable(path, dirArg)
	if err != nil || there {
		return err
	}
	if st, err := n.latest(ctx, v); err == nil {
		if e, ok, err := destination(ctx, v, st.root, path); err != nil {
			return err
		} else if ok && e.Kind != object.Dir {
			return fail(Usage, "choose another VPATH: bsv ls", "%s is a %s of the vault", path, kindName(e.Kind))
		}
	} else if !errors.Is(err, merge.ErrVersion) {
		return err
	}
	setup, err := n.home.Setup()
	if err != nil {
		return err
	}
	m := worktree.Mapping{Path: path, Dir: dir, Device: v.id}
	if err := m.SetMarker(live); err != nil {
		return unmarked(dir, err)
	}
	delete(n.written, path)
	if err := n.home.State().DropRows(path); err != nil {
		return err
	}
	g, err := n.home.State().Given()
	if err != nil {
		return err
	}
	if _, ok := g.Materialised[path]; ok { // of an earlier mapping of the same path
		delete(g.Materialised, path)
		if err := n.home.State().SetGiven(g); err != nil {
			return err
		}
	}
	if err := n.noteMapped(path); err != nil {
		return err
	}
	setup.Mappings = append(setup.Mappings, home.Mapping{Path: path, Dir: []byte(dir)})
	return n.home.SetSetup(setup)
}

// MapRemove is bsv map remove: files and history stay.
func (n *Node) MapRemove(ctx context.Context, r MapRequest) (MapResult, error) {
	v, err := n.openToChange()
	if err != nil {
		return MapResult{Maps: []MapInfo{}}, err
	}
	path, err := object.CleanPath(r.Path)
	if err != nil {
		return MapResult{Maps: []MapInfo{}}, err
	}
	if err := n.unmap(v, path); err != nil {
		return MapResult{Maps: []MapInfo{}}, err
	}
	n.mapsChanged()
	return n.MapList(ctx)
}

func (n *Node) unmap(v *vault, path string) error {
	n.work.Lock()
	defer n.work.Unlock()
	setup, err := n.home.Setup()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(setup.Mappings, func(m home.Mapping) bool { return m.Path == path })
	if i < 0 {
		return fail(NotFound, "bsv map list", "%s is not mapped on this device", path)
	}
	m := worktree.Mapping{Path: path, Dir: string(setup.Mappings[i].Dir), Device: v.id}
	setup.Mappings = slices.Delete(setup.Mappings, i, i+1)
	if err := n.home.SetSetup(setup); err != nil {
		return err
	}
	g, err := n.home.State().Given()
	if err != nil {
		return err
	}
	delete(g.Materialised, path)
	delete(n.written, path)
	delete(n.unswapped, path)
	n.pause(path, "")
	if g.Known {
		if err := n.home.State().SetGiven(g); err != nil {
			return err
		}
	}
	errs := []error{m.RemoveMarker()}
	for _, key := range []string{scanKey(path), mappedKey(path), brakeKey(path), unreadKey(path), unappliedKey(path), settledKey(path), outsideKey(path)} {
		errs = append(errs, n.home.State().NoteValue(key, nil))
	}
	return errors.Join(append(errs, n.home.State().DropRows(path))...)
}

// MapList is bsv map list.
func (n *Node) MapList(ctx context.Context) (MapResult, error) {
	res := MapResult{Maps: []MapInfo{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	maps, err := n.mappings(v)
	if err != nil {
		return res, err
	}
	g, err := n.home.State().Given()
	if err != nil {
		return res, err
	}
	st, err := n.latest(ctx, v)
	unmerged := errors.Is(err, merge.ErrVersion)
	if err != nil && !unmerged {
		return res, err
	}
	d, err := n.damage(ctx, v)
	if err != nil {
		return res, err
	}
	damaged := len(d.lost) > 0 || d.alien // what the mappings hold and were to hold may not be here
	last := ""
	if k, ok := v.view.newest(v.id); ok && !k.said.Head.IsZero() {
		if s, err := object.GetSnapshot(ctx, v.repo, k.said.Head); err == nil {
			last = stamp(s.Time)
		}
	}
	files := map[string]uint64{}
	for _, m := range maps { // a brake is not kept: it follows from what is here
		if damaged {
			break
		}
		have, known := g.Materialised[m.Path]
		if files[m.Path], err = n.filesOf(ctx, v, m.Path, have); err != nil {
			return res, err
		}
		want, err := subtree(ctx, v, st.root, m.Path)
		if err != nil {
			return res, err
		}
		if known && have != want {
			if err := n.shouldBrake(ctx, v, m, have, want); err != nil {
				return res, err
			}
		}
	}
	covered := map[string]string{}
	for _, m := range maps {
		if unmerged || damaged {
			break
		}
		if covered[m.Path], err = inPlaceOf(ctx, v, st.root, m.Path); err != nil {
			return res, err
		}
	}
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	for _, m := range maps {
		i := MapInfo{Path: NewPath(m.Path), State: "clean", LastSnapshot: last}
		p := NewPath(m.Dir)
		i.Dir, i.DirB64 = p.Path, p.PathB64
		have, known := g.Materialised[m.Path]
		want := have
		if !unmerged && !damaged {
			if want, err = subtree(ctx, v, st.root, m.Path); err != nil {
				return res, err
			}
		}
		switch {
		case n.paused[m.Path] != "":
			i.State, i.Reason = "paused", n.paused[m.Path]
		case m.CheckMarker() != nil:
			i.State, i.Reason = "paused", whyPaused(m, m.CheckMarker())
		case damaged:
			i.State, i.Reason = "damaged", d.text()
		case n.brake[m.Path].files > 0:
			h := n.brake[m.Path]
			i.State, i.Reason = "waiting", h.why()+"; that waits for consent: "+h.choice(m.Path)
		case unmerged:
			i.State, i.Reason = "unmerged", "the vault merges by newer rules: install a newer bsv"
		case !known:
			i.State, i.LastSnapshot = "new", ""
		case have != want && !n.isSettled(m.Path, have, want):
			i.State, i.Reason = "changed", "not all of the vault's state is on the disk yet"
		}
		if by := covered[m.Path]; by != "" && (i.State == "clean" || i.State == "changed" || i.State == "new") {
			i.State, i.Reason = "covered", by+" in the vault is no directory"
		}
		why, at, err := n.overdue(m.Path)
		if err != nil {
			return res, err
		}
		i.Overdue = why != ""
		if !at.IsZero() {
			i.LastScan = at.UTC().Format(time.RFC3339)
		}
		if err := n.hinder(&i); err != nil {
			return res, err
		}
		if i.Overdue && slices.Contains([]string{"clean", "changed", "unread", "unapplied", "failing", "new"}, i.State) {
			i.State = "OVERDUE"
		}
		if known && !damaged {
			sum, err := object.Summarise(ctx, v.repo, have)
			if err != nil {
				return res, err
			}
			i.Bytes = sum.Bytes
			i.Files = files[m.Path]
		}
		res.Maps = append(res.Maps, i)
	}
	return res, nil
}

// hinder makes it the state of a mapping what stands in the way of its being
// clean or looked at, and the worst its reason. The caller holds loopMu.
func (n *Node) hinder(i *MapInfo) error {
	if i.State != "clean" && i.State != "changed" && i.State != "new" {
		return nil
	}
	unread, err := n.kept(unreadKey(i.Raw()))
	if err != nil {
		return err
	}
	unapplied, err := n.kept(unappliedKey(i.Raw()))
	if err != nil {
		return err
	}
	if unread.count() > 0 {
		i.State, i.Reason = "unread", unread.say("read")
	}
	if unapplied.count() > 0 {
		i.State, i.Reason = "unapplied", unapplied.say("written")
	}
	for _, work := range []string{workApply, workSnapshot} {
		if err := of(n.failing[work], i.Raw()); err != nil && !errors.Is(err, merge.ErrVersion) {
			i.State, i.Reason = "failing", Explain(err).Msg
		}
	}
	return nil
}

// inPlaceOf is the file or link of the vault that stands at a mapping's path or
// above it; "" where none does.
func inPlaceOf(ctx context.Context, v *vault, root object.ID, path string) (string, error) {
	up := ""
	for _, name := range object.Components(path) {
		up += "/" + name
		e, ok, err := object.LookupPath(ctx, v.repo, root, up)
		if err != nil || !ok {
			return "", err
		}
		if e.Kind != object.Dir {
			return up, nil
		}
	}
	return "", nil
}
