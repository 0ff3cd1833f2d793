package worktree

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// Op is what a step does.
type Op uint8

// The operations of a plan.
const (
	OpWrite  Op = iota + 1 // file or link: make To where From is, or nothing
	OpMkdir                // directory To where From (no directory) is, or nothing
	OpDelete               // file or link From goes
	OpRmdir                // directory From goes if it is empty by then
	OpSetDir               // mode and times of directory To
	OpMeta                 // mode and times of file To; the content stays
)

// Step is one change of one name. From is what is materialised, To what is
// wanted.
type Step struct {
	Op   Op
	Path []string // below the mapping
	From *object.Entry
	To   *object.Entry
	Rest bool // of OpDelete: the ignore rules of a directory that goes with all that was in it
}

// Plan enumerates the steps from one tree to another: pure, in an order in
// which they can be done. Inside a directory the steps of one name stay
// together, the name first, then its conflict copies; a directory's ignore
// rules come before everything else in it, its own mode and times after. The
// rules of a directory that goes are the last that goes of it.
func Plan(ctx context.Context, g object.Getter, materialised, wanted object.ID) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) { plan(ctx, g, nil, materialised, wanted, yield) }
}

func treeOf(e *object.Entry) object.ID {
	if e == nil || e.Kind != object.Dir {
		return object.ID{}
	}
	return e.Tree
}

func plan(ctx context.Context, g object.Getter, path []string, a, b object.ID, yield func(Step, error) bool) bool {
	if len(path) > object.MaxDepth {
		return yield(Step{}, fmt.Errorf("plan: %w", object.ErrLimit))
	}
	var changes []object.Change
	for c, err := range object.DiffTree(ctx, g, a, b) {
		if err != nil {
			yield(Step{}, fmt.Errorf("plan: %w", err))
			return false
		}
		changes = append(changes, c)
	}
	slices.SortStableFunc(changes, func(x, y object.Change) int { return strings.Compare(stem(x.Name), stem(y.Name)) })
	goes := b.IsZero() && len(path) > 0
	if i := slices.IndexFunc(changes, func(c object.Change) bool { return c.Name == ignoreName }); i >= 0 {
		rules := changes[i]
		changes = slices.Delete(changes, i, i+1)
		if i = 0; goes {
			i = len(changes)
		}
		changes = slices.Insert(changes, i, rules)
	}
	for _, c := range changes {
		p := join(path, c.Name)
		ta, tb := treeOf(c.A), treeOf(c.B)
		var ok bool
		switch {
		case c.B == nil && c.A.Kind != object.Dir:
			ok = yield(Step{Op: OpDelete, Path: p, From: c.A, Rest: goes && c.Name == ignoreName}, nil)
		case c.B == nil:
			ok = plan(ctx, g, p, ta, tb, yield) && yield(Step{Op: OpRmdir, Path: p, From: c.A}, nil)
		case c.B.Kind == object.Dir && c.A != nil && c.A.Kind == object.Dir:
			ok = plan(ctx, g, p, ta, tb, yield) && yield(Step{Op: OpSetDir, Path: p, From: c.A, To: c.B}, nil)
		case c.B.Kind == object.Dir:
			ok = yield(Step{Op: OpMkdir, Path: p, From: c.A, To: c.B}, nil) && plan(ctx, g, p, ta, tb, yield) && yield(Step{Op: OpSetDir, Path: p, From: c.A, To: c.B}, nil)
		case c.A != nil && c.A.Kind == object.Dir:
			ok = plan(ctx, g, p, ta, object.ID{}, yield) && yield(Step{Op: OpRmdir, Path: p, From: c.A}, nil) && yield(Step{Op: OpWrite, Path: p, To: c.B}, nil)
		case c.A != nil && c.A.Kind == object.File && c.A.SameContent(*c.B):
			ok = yield(Step{Op: OpMeta, Path: p, From: c.A, To: c.B}, nil)
		default:
			ok = yield(Step{Op: OpWrite, Path: p, From: c.A, To: c.B}, nil)
		}
		if !ok {
			return false
		}
	}
	return true
}

// stem is a name without the suffix of a conflict copy, so that copies sort
// behind the name they belong to.
func stem(name string) string {
	i := strings.Index(name, ".conflict-")
	if i <= 0 {
		return name
	}
	rest := name[i+len(".conflict-"):]
	if j := strings.IndexByte(rest, '.'); j >= 0 {
		return name[:i] + rest[j:] + "\x00"
	}
	return name[:i] + "\x00"
}

// Change is how much a plan would change.
type Change struct {
	Created, Updated, Deleted uint64
}

// Effects enumerates the steps of a plan that will be done. What the mapping
// excludes, and what the wanted tree's own rules ignore, stays as it is, and so
// do the directories that hold it.
func Effects(ctx context.Context, g object.Getter, c Content, m Mapping, materialised, wanted object.ID) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		spared := spared{ctx: ctx, g: g, c: c, outside: m.outside(), rules: map[string]*ignoreStack{}, tree: wanted}
		holding := map[string]bool{}
		for s, err := range Plan(ctx, g, materialised, wanted) {
			if err == nil && s.Op == OpDelete {
				var stays bool
				if stays, err = spared.path(s.Path); err == nil && stays {
					for i := range s.Path {
						holding[strings.Join(s.Path[:i], "/")] = true
					}
					continue
				}
			}
			if err == nil && s.Op == OpRmdir && holding[strings.Join(s.Path, "/")] {
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// Count counts the files of a plan by what happens to them.
func Count(ctx context.Context, g object.Getter, c Content, m Mapping, materialised, wanted object.ID) (Change, error) {
	var n Change
	for s, err := range Effects(ctx, g, c, m, materialised, wanted) {
		if err != nil {
			return n, fmt.Errorf("count: %w", err)
		}
		n.Add(s)
	}
	return n, nil
}

// Add counts a step.
func (n *Change) Add(s Step) {
	switch {
	case s.Op == OpWrite && s.From == nil:
		n.Created++
	case s.Op == OpWrite, s.Op == OpMeta:
		n.Updated++
	case s.Op == OpDelete:
		n.Deleted++
	}
}

// The safety brake: more than brakeFiles deletions that are more than
// brakePart of all files, or that empty the mapping, wait for consent; so do
// more than brakeFiles files, most of all, that turned incompressible.
const (
	brakeFiles = 25
	brakePart  = 0.4
)

// BrakeWeighs reports whether so many files may stop an apply at all.
func BrakeWeighs(files uint64) bool { return files > brakeFiles }

// Brake reports whether going from the materialised tree of files files to
// the wanted one deletes so much that a person should say yes first.
func Brake(n Change, files, left uint64) bool {
	if !BrakeWeighs(n.Deleted) {
		return false
	}
	return float64(n.Deleted) > brakePart*float64(files) || left == 0
}

// BrakeTurned is Brake for files that turned incompressible.
func BrakeTurned(turned, files uint64) bool { return BrakeWeighs(turned) && turned > files/2 }
