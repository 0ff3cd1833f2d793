package merge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// three is one merge of two trees.
type three struct {
	*work
	roots     [3]object.ID // base, ours, theirs
	added     [2]idSet     // contents that ours and theirs added; made when asked for
	conflicts []conflict
	notices   []Notice
	applied   bool // theirs may have been applied to ours in part
}

// trio is one name in base, ours and theirs; nil where absent.
type trio struct{ b, o, t *object.Entry }

// copyOf is a version that lost its name in this directory.
type copyOf struct {
	of    string // the name in dispute
	entry object.Entry
	c     int // index into conflicts
}

func (t *three) trees(base, ours, theirs object.ID) (object.ID, error) {
	empty, plain := object.EmptyTree(t.Hash)
	for _, id := range []*object.ID{&base, &ours, &theirs} {
		if id.IsZero() {
			*id = empty
		}
	}
	if _, err := t.over.Put(t.ctx, object.KindTree, plain); err != nil {
		return object.ID{}, err
	}
	t.roots = [3]object.ID{base, ours, theirs}
	id, _, err := t.dir("/", 0, base, ours, theirs)
	return id, err
}

// dir merges one directory and everything below it.
func (t *three) dir(path string, depth int, base, ours, theirs object.ID) (object.ID, object.Summary, error) {
	if depth > object.MaxDepth {
		return object.ID{}, object.Summary{}, fmt.Errorf("%s: %w", path, object.ErrLimit)
	}
	pick := object.ID{}
	switch {
	case ours == theirs, base == theirs:
		pick = ours
	case base == ours:
		pick = theirs
	}
	if !pick.IsZero() {
		sum, err := object.Summarise(t.ctx, t.over, pick)
		return pick, sum, err
	}
	names := map[string]trio{}
	for c, err := range object.DiffTree(t.ctx, t.over, base, ours) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		names[c.Name] = trio{c.A, c.B, c.A}
	}
	for c, err := range object.DiffTree(t.ctx, t.over, base, theirs) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		n, ok := names[c.Name]
		if !ok {
			n = trio{c.A, c.A, nil}
		}
		n.t = c.B
		names[c.Name] = n
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	d := &dirMerge{three: t, path: path, depth: depth, base: base, ours: ours, theirs: theirs, names: names, edits: map[string]*object.Entry{}}
	for _, n := range sorted {
		if err := d.name(n, names[n]); err != nil {
			return object.ID{}, object.Summary{}, err
		}
	}
	if err := d.place(); err != nil {
		return object.ID{}, object.Summary{}, err
	}
	return d.write()
}

// dirMerge is the merge of one directory.
type dirMerge struct {
	*three
	path               string
	depth              int
	base, ours, theirs object.ID
	names              map[string]trio
	edits              map[string]*object.Entry // on ours
	copies             []copyOf
}

func (d *dirMerge) set(name string, e *object.Entry) { d.edits[name] = e }

func equal(a, b *object.Entry) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func isDir(e *object.Entry) bool { return e != nil && e.Kind == object.Dir }

// name decides one name.
func (d *dirMerge) name(name string, n trio) error {
	b, o, t := n.b, n.o, n.t
	switch {
	case equal(o, t), equal(b, t):
		return d.sole(name, o, t, true)
	case equal(b, o):
		return d.sole(name, t, o, false)
	case isDir(o) && isDir(t):
		return d.bothDirs(name, b, o, t)
	case o == nil:
		return d.deleted(name, b, t, false)
	case t == nil:
		return d.deleted(name, b, o, true)
	case o.Kind != t.Kind:
		return d.kinds(name, b, o, t)
	}
	return d.contents(name, b, o, t)
}

// sole takes the one side that changed a name (or both did the same), unless
// it is a conflict copy that has lost its reason (rule 9). ours tells which
// side it is.
func (d *dirMerge) sole(name string, e, other *object.Entry, ours bool) error {
	if e != nil && !equal(e, other) {
		gone, err := d.outlived(name, *e, ours)
		if err != nil {
			return err
		}
		if gone {
			e = other
		}
	}
	d.set(name, e)
	return nil
}

func treeID(e *object.Entry) object.ID {
	if !isDir(e) {
		return object.ID{}
	}
	return e.Tree
}

// orEmpty names the empty directory where there is none.
func (t *three) orEmpty(id object.ID) object.ID {
	if id.IsZero() {
		id, _ = object.EmptyTree(t.Hash)
	}
	return id
}

func (d *dirMerge) bothDirs(name string, b, o, t *object.Entry) error {
	id, sum, err := d.dir(object.JoinPath(d.path, name), d.depth+1, d.orEmpty(treeID(b)), o.Tree, t.Tree)
	if err != nil {
		return err
	}
	e := *o
	e.Tree, e.Size = id, sum.Bytes
	if isDir(b) {
		e.Mode = mergeMode(b.Mode, o.Mode, t.Mode)
	} else {
		e.Mode = o.Mode & t.Mode
		b = nil
	}
	e.MTime = mergeTime(b, o, t)
	if e.Xattrs, e.Owner, err = d.extra(b, o, t); err != nil {
		return err
	}
	d.set(name, &e)
	return nil
}

// deleted: one side has no such name any more, the other changed it; b is
// there, or the case would be one side's alone. ours tells whose e is.
func (d *dirMerge) deleted(name string, b, e *object.Entry, ours bool) error {
	path := object.JoinPath(d.path, name)
	switch {
	case isDir(e) && isDir(b): // only what was changed inside stays
		kept, err := d.survivors(path, b, e, ours)
		if err != nil {
			return err
		}
		d.set(name, kept)
	case e.SameContent(*b): // touched only
		d.set(name, nil)
	default:
		d.notices = append(d.notices, Notice{path, "deleted on one side, changed on the other: kept"})
		d.set(name, e)
	}
	return nil
}

// survivors is a changed directory without what was left as the base has it;
// nil when nothing remains. Below it each side stays on its side, because
// rule 9 asks what the other one has added anywhere.
func (d *dirMerge) survivors(path string, b, e *object.Entry, ours bool) (*object.Entry, error) {
	empty := d.orEmpty(object.ID{})
	if e.Tree == b.Tree {
		return nil, nil
	}
	mine, other := empty, e.Tree
	if ours {
		mine, other = e.Tree, empty
	}
	id, sum, err := d.dir(path, d.depth+1, b.Tree, mine, other)
	if err != nil {
		return nil, err
	}
	if id == empty {
		return nil, nil
	}
	kept := *e
	kept.Tree, kept.Size = id, sum.Bytes
	d.notices = append(d.notices, Notice{path, "deleted on one side, changed inside on the other: the changes are kept"})
	return &kept, nil
}

func rank(k object.EntryKind) int {
	switch k {
	case object.Dir:
		return 3
	case object.File:
		return 2
	}
	return 1
}

// kinds: both sides hold the name, as different kinds.
func (d *dirMerge) kinds(name string, b, o, t *object.Entry) error {
	if b != nil && o.SameContent(*b) {
		d.set(name, t)
		return nil
	}
	if b != nil && t.SameContent(*b) {
		d.set(name, o)
		return nil
	}
	win, lose := o, t
	if rank(t.Kind) > rank(o.Kind) {
		win, lose = t, o
	}
	if isDir(win) && isDir(b) {
		kept, err := d.survivors(object.JoinPath(d.path, name), b, win, win == o)
		if err != nil {
			return err
		}
		if kept == nil {
			d.set(name, lose)
			return nil
		}
		win = kept
	}
	d.dispute(name, "kind", b, win, lose)
	d.set(name, win)
	return nil
}

// contents: both sides hold a file, or both a link.
func (d *dirMerge) contents(name string, b, o, t *object.Entry) error {
	same := b != nil && b.Kind == o.Kind
	meta := b
	if !same {
		meta = nil
	}
	both := meta != nil || o.SameContent(*t) // metadata of both sides belong to the result
	e := *o
	switch {
	case o.SameContent(*t):
		if meta == nil && (t.MTime > o.MTime || t.MTime == o.MTime && t.Mode > o.Mode) {
			e = *t
		}
		e.MTime = mergeTime(meta, o, t)
	case same && o.SameContent(*b):
		e = *t
	case same && t.SameContent(*b):
	default:
		if b == nil { // a copy that one side made and the other holds with other content
			for _, p := range [2][2]*object.Entry{{o, t}, {t, o}} {
				gone, err := d.outlived(name, *p[0], p[0] == o)
				if err != nil {
					return err
				}
				if gone {
					d.set(name, p[1])
					return nil
				}
			}
		}
		win, lose := o, t
		if d.beats(*t, *o) {
			win, lose = t, o
		}
		e = *win
		d.dispute(name, "content", b, win, lose)
	}
	if meta != nil {
		e.Mode = mergeMode(meta.Mode, o.Mode, t.Mode)
	}
	if both {
		var err error
		if e.Xattrs, e.Owner, err = d.extra(meta, o, t); err != nil {
			return err
		}
	}
	d.set(name, &e)
	return nil
}

// dispute notes a conflict and the copy that it makes.
func (d *dirMerge) dispute(name, kind string, b, win, lose *object.Entry) {
	d.copies = append(d.copies, copyOf{name, *lose, len(d.conflicts)})
	d.conflicts = append(d.conflicts, conflict{path: object.JoinPath(d.path, name), kind: kind, base: b, sides: []object.Entry{*win, *lose}})
}

// at is what stands at a name after the decisions so far.
func (d *dirMerge) at(name string) (object.Entry, bool, error) {
	if e, ok := d.edits[name]; ok {
		if e == nil {
			return object.Entry{}, false, nil
		}
		return *e, true, nil
	}
	return object.Lookup(d.ctx, d.over, d.ours, name)
}

// place gives each copy its name: a function of the path and the content,
// longer only when other content has taken the shorter one.
func (d *dirMerge) place() error {
	slices.SortFunc(d.copies, func(a, b copyOf) int {
		if c := strings.Compare(a.of, b.of); c != 0 {
			return c
		}
		x, y := a.entry.Digest(d.Hash), b.entry.Digest(d.Hash)
		return strings.Compare(string(x[:]), string(y[:]))
	})
	for _, c := range d.copies {
		e := c.entry
		var there object.Entry
		var found bool
		var failed error
		e.Name = CopyName(c.of, c.entry.Digest(d.Hash), func(name string) bool {
			if there, found, failed = d.at(name); failed != nil {
				return false
			}
			return found && !there.SameContent(e)
		})
		if failed != nil {
			return failed
		}
		if !found || e.MTime > there.MTime {
			d.set(e.Name, &e)
		}
		d.conflicts[c.c].copies = append(d.conflicts[c.c].copies, object.JoinPath(d.path, e.Name))
	}
	return nil
}

// write makes the directory's new tree.
func (d *dirMerge) write() (object.ID, object.Summary, error) {
	edits := make([]object.Edit, 0, len(d.edits))
	for n, e := range d.edits {
		if in, ok := d.names[n]; ok && equal(in.o, e) { // as it stands
			continue
		}
		edits = append(edits, object.Edit{Name: n, Entry: e})
	}
	slices.SortFunc(edits, func(a, b object.Edit) int { return strings.Compare(a.Name, b.Name) })
	return object.EditTree(d.ctx, d.Hash, d.over, d.over, d.ours, edits)
}
