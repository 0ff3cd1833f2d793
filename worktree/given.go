package worktree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// The rule of what a snapshot contains. It is pure and was simulated; change
// it only with the simulator beside you (sim_test.go).

// Situation is what a device knows when it has scanned.
type Situation struct {
	Env    merge.Env
	A      []object.ID // the heads that the last apply that began was heading for
	H      []object.ID // the maximal heads now
	Mapped []Mapped
}

// Mapped is one mapping: what was given to its directory and what was found.
type Mapped struct {
	Path         string // virtual
	Materialised object.ID
	Scanned      object.ID
}

// Decision says what to do with what was found. In the last two cases the
// scanned trees become the materialised ones.
type Decision struct {
	Kind      DecisionKind
	Tree      object.ID // of the snapshot to write
	Base      object.ID // root of f(A)
	New       []merge.Object
	Conflicts []object.Conflict
}

// DecisionKind tells decisions apart.
type DecisionKind uint8

// The decisions.
const (
	Nothing DecisionKind = iota // nothing differs from what is materialised
	Adopt                       // the disk holds f(H): A becomes H
	Write                       // write a snapshot with parents A
)

// Decide applies the rule: tree = merge3(materialised, scanned, f(A)) on
// mapped paths, f(A) elsewhere.
func Decide(ctx context.Context, s Situation) (Decision, error) {
	if !slices.ContainsFunc(s.Mapped, func(m Mapped) bool { return m.Scanned != m.Materialised }) {
		return Decision{Kind: Nothing}, nil
	}
	over := object.NewOverlay(s.Env.Get, s.Env.Hash)
	env := s.Env
	env.Get = over
	// f(A) was given to the disk by rules that this program has; that the
	// vault has newer ones by now must not stop a backup.
	newest := env.Version
	env.Version = min(newest, merge.Version)
	add := func(objs []merge.Object) error {
		for _, o := range objs {
			if _, err := over.Put(ctx, o.Kind, o.Plain); err != nil {
				return err
			}
		}
		return nil
	}
	given, err := merge.State(ctx, env, s.A)
	if err == nil {
		err = add(given.New)
	}
	if err != nil {
		return Decision{}, fmt.Errorf("decide: %w", err)
	}
	tree := given.Root
	var fresh []object.Conflict
	for _, m := range s.Mapped {
		e, ok, err := object.LookupPath(ctx, over, given.Root, m.Path)
		if err != nil {
			return Decision{}, fmt.Errorf("decide: %w", err)
		}
		var fa object.ID
		if ok {
			fa = e.Tree // zero unless a directory
		}
		scanned, err := adoptEqual(ctx, over, env.Hash, m.Materialised, m.Scanned, fa)
		if err != nil {
			return Decision{}, fmt.Errorf("decide: %w", err)
		}
		r, err := merge.Scanned(ctx, env, m.Materialised, scanned, fa)
		if err == nil {
			err = add(r.New)
		}
		if err != nil {
			return Decision{}, fmt.Errorf("decide: %w", err)
		}
		if r.Root, err = stillTimes(ctx, over, env.Hash, r.Root, fa, 0); err != nil {
			return Decision{}, fmt.Errorf("decide: %w", err)
		}
		for _, c := range r.Conflicts {
			fresh = append(fresh, under(m.Path, c))
		}
		placed, err := place(ctx, env, over, tree, m.Path, r.Root)
		if err == nil {
			err = add(placed.New)
		}
		if err != nil {
			return Decision{}, fmt.Errorf("decide: %w", err)
		}
		tree = placed.Root
		fresh = append(fresh, placed.Conflicts...)
	}
	env.Version = newest
	now, err := merge.State(ctx, env, s.H)
	if err != nil && !errors.Is(err, merge.ErrVersion) {
		return Decision{}, fmt.Errorf("decide: %w", err)
	}
	if err == nil && tree == now.Root {
		return Decision{Kind: Adopt}, nil
	}
	d := Decision{Kind: Write, Tree: tree, Base: given.Root}
	for _, c := range append(slices.Clone(given.Conflicts), fresh...) {
		for _, p := range c.Copies {
			if _, ok, err := object.LookupPath(ctx, over, tree, p); err != nil {
				return Decision{}, fmt.Errorf("decide: %w", err)
			} else if ok {
				d.Conflicts = append(d.Conflicts, c)
				break
			}
		}
	}
	d.Conflicts = object.SortConflicts(d.Conflicts)
	err = over.All(func(id object.ID, kind object.Kind, plain []byte) error {
		d.New = append(d.New, merge.Object{ID: id, Kind: kind, Plain: plain})
		return nil
	})
	return d, err
}

func under(path string, c object.Conflict) object.Conflict {
	join := func(p string) string {
		if path == "/" {
			return p
		}
		return path + p
	}
	c.Path = join(c.Path)
	c.Copies = slices.Clone(c.Copies)
	for i := range c.Copies {
		c.Copies[i] = join(c.Copies[i])
	}
	return c
}

// place grafts a mapping's tree. A file or link of the state at its path, or
// above it, is in conflict with it: the directory keeps the name.
func place(ctx context.Context, env merge.Env, over *object.Overlay, root object.ID, path string, tree object.ID) (merge.Result, error) {
	graft := func(root object.ID) (object.ID, error) {
		return Graft(ctx, env.Hash, over, over, root, path, tree)
	}
	grafted, err := graft(root)
	if err != nil || grafted == root {
		return merge.Result{Root: root}, err
	}
	up := ""
	for _, name := range object.Components(path) {
		up += "/" + name
		e, ok, err := object.LookupPath(ctx, over, root, up)
		if err != nil {
			return merge.Result{}, err
		}
		if !ok {
			break
		}
		if e.Kind == object.Dir {
			continue
		}
		without, err := object.SetPath(ctx, env.Hash, over, over, root, up, nil)
		if err != nil {
			return merge.Result{}, err
		}
		if grafted, err = graft(without); err != nil {
			return merge.Result{}, err
		}
		return merge.Three(ctx, env, without, grafted, root)
	}
	return merge.Result{Root: grafted}, nil
}

// Graft puts a mapping's tree at its path. An empty tree where nothing stands
// changes nothing.
func Graft(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, root object.ID, path string, tree object.ID) (object.ID, error) {
	old, ok, err := object.LookupPath(ctx, g, root, path)
	if err != nil {
		return object.ID{}, err
	}
	if ok && old.Kind == object.Dir && old.Tree == tree {
		return root, nil
	}
	if !ok || old.Kind != object.Dir {
		if empty, _ := object.EmptyTree(h); tree == empty && path != "/" {
			return root, nil
		}
		old = object.Entry{Kind: object.Dir, Mode: 0o755}
	}
	sum, err := object.Summarise(ctx, g, tree)
	if err != nil {
		return object.ID{}, err
	}
	old.Tree, old.Size = tree, sum.Bytes
	return object.SetPath(ctx, h, g, sink, root, path, &old)
}

// adoptEqual gives files that were found where nothing is materialised, with
// the content that f(A) has there, f(A)'s entry: they are no news.
func adoptEqual(ctx context.Context, over *object.Overlay, h *object.Hasher, materialised, scanned, fa object.ID) (object.ID, error) {
	if scanned == fa || fa.IsZero() {
		return scanned, nil
	}
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, over, scanned, fa) {
		if err != nil {
			return object.ID{}, err
		}
		if c.A == nil || c.B == nil {
			continue
		}
		m, known, err := object.Lookup(ctx, over, materialised, c.Name)
		if err != nil {
			return object.ID{}, err
		}
		switch {
		case c.A.Kind == object.Dir && c.B.Kind == object.Dir:
			var below object.ID
			if known && m.Kind == object.Dir {
				below = m.Tree
			}
			id, err := adoptEqual(ctx, over, h, below, c.A.Tree, c.B.Tree)
			if err != nil {
				return object.ID{}, err
			}
			e := *c.A
			if !known {
				e.Mode, e.MTime = c.B.Mode, c.B.MTime
			}
			if id != c.A.Tree {
				sum, err := object.Summarise(ctx, over, id)
				if err != nil {
					return object.ID{}, err
				}
				e.Tree, e.Size = id, sum.Bytes
			}
			if e != *c.A {
				edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
			}
		case !known && c.A.SameContent(*c.B):
			edits = append(edits, object.Edit{Name: c.Name, Entry: c.B})
		}
	}
	if len(edits) == 0 {
		return scanned, nil
	}
	id, _, err := object.EditTree(ctx, h, over, over, scanned, edits)
	return id, err
}

// stillTimes gives directories that differ from f(A)'s by their time alone
// f(A)'s time: an apply that did not get to its end leaves such, and a
// directory's time is never a reason for a snapshot.
func stillTimes(ctx context.Context, over *object.Overlay, h *object.Hasher, tree, fa object.ID, depth int) (object.ID, error) {
	if tree == fa || fa.IsZero() {
		return tree, nil
	}
	if depth > object.MaxDepth {
		return object.ID{}, object.ErrLimit
	}
	var edits []object.Edit
	for c, err := range object.DiffTree(ctx, over, tree, fa) {
		if err != nil {
			return object.ID{}, err
		}
		if c.A == nil || c.B == nil || c.A.Kind != object.Dir || c.B.Kind != object.Dir {
			continue
		}
		e := *c.A
		var err error
		if e.Tree, err = stillTimes(ctx, over, h, c.A.Tree, c.B.Tree, depth+1); err != nil {
			return object.ID{}, err
		}
		if e.Tree == c.B.Tree && e.Mode == c.B.Mode {
			e.MTime = c.B.MTime
		}
		if e != *c.A {
			edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
		}
	}
	if len(edits) == 0 {
		return tree, nil
	}
	id, _, err := object.EditTree(ctx, h, over, over, tree, edits)
	return id, err
}

// Without is the wanted tree where some steps of its plan were left undone:
// what the disk then holds of what it was given.
func Without(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, wanted object.ID, undone []Step) (object.ID, error) {
	for _, s := range slices.Backward(undone) { // from the end, each path is as the step left it
		path := "/" + strings.Join(s.Path, "/")
		e := s.From
		switch {
		case s.Op == OpSetDir && s.To != nil: // made, but not given its own mode
			n := *s.To
			n.Mode |= 0o700
			if e != nil && e.Kind == object.Dir {
				n.Mode, n.MTime = e.Mode, e.MTime
			}
			e = &n
		case s.Op == OpSetDir:
			continue
		case s.Op == OpRmdir: // what is still in it follows
			n := *e
			empty, _, err := object.BuildTree(ctx, h, sink, func(func(object.Entry, error) bool) {})
			if err != nil {
				return object.ID{}, err
			}
			n.Tree, n.Size = empty, 0
			e = &n
		}
		if e != nil && s.Op == OpSetDir { // what is in it stays
			now, ok, err := object.LookupPath(ctx, g, wanted, path)
			if err != nil {
				return object.ID{}, err
			}
			if !ok || now.Kind != object.Dir {
				continue
			}
			e.Tree, e.Size = now.Tree, now.Size
		}
		var err error
		if wanted, err = object.SetPath(ctx, h, g, sink, wanted, path, e); err != nil {
			return object.ID{}, err
		}
	}
	return wanted, nil
}

// Held is the part of a scanned tree that is old, not edited: what some known
// snapshot held at the same path (an unedited conflict copy: at its original
// path). It stands for what is materialised when that is not known: after the
// loss of state.db, and for a new mapping. roots are trees of the mapping in
// known snapshots.
func Held(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, scanned object.ID, roots []object.ID) (object.ID, error) {
	id, _, err := held(ctx, h, g, sink, scanned, roots, 0)
	return id, err
}

func held(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, scanned object.ID, roots []object.ID, depth int) (object.ID, object.Summary, error) {
	if depth > object.MaxDepth {
		return object.ID{}, object.Summary{}, object.ErrLimit
	}
	if slices.Contains(roots, scanned) {
		sum, err := object.Summarise(ctx, g, scanned)
		return scanned, sum, err
	}
	known := map[string][]object.Entry{}
	for _, r := range roots {
		for e, err := range object.Entries(ctx, g, r, "") {
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			known[e.Name] = append(known[e.Name], e)
		}
	}
	var out []object.Entry
	for e, err := range object.Entries(ctx, g, scanned, "") {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		orig, isCopy := merge.Original(e.Name)
		var origs []object.Entry
		if isCopy {
			origs = known[orig]
		}
		old, err := heldEntry(ctx, h, g, sink, e, known[e.Name], origs, depth)
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if old != nil {
			out = append(out, *old)
		}
	}
	return object.BuildTree(ctx, h, sink, func(yield func(object.Entry, error) bool) {
		for _, e := range out {
			if !yield(e, nil) {
				return
			}
		}
	})
}

// heldEntry is what of one scanned entry is old, given what known snapshots
// held at its name and, for a conflict copy, at its original one; nil when
// nothing of it is.
func heldEntry(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, e object.Entry, at, orig []object.Entry, depth int) (*object.Entry, error) {
	if e.Kind == object.Dir {
		below := treesOf(at)
		if len(below) == 0 {
			return nil, nil
		}
		id, sum, err := held(ctx, h, g, sink, e.Tree, below, depth+1)
		if err != nil {
			return nil, err
		}
		e.Tree, e.Size = id, sum.Bytes
		return &e, nil
	}
	same := func(k object.Entry) bool { return k.SameContent(e) }
	if slices.ContainsFunc(at, same) || slices.ContainsFunc(orig, same) {
		return &e, nil
	}
	return nil, nil
}
