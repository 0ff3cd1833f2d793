package worktree

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// What a mapping leaves out counts as materialised as soon as it is wanted,
// although the disk was never given it: a scan finds it as it is there, so it
// is never news. That must end with the rule: of a path that is let in again
// nothing is known, as of a new mapping. A missing path is not a deletion, and
// what some known snapshot held there is old.

// Outside is what the mapping leaves out by rules of this device alone: text to
// be kept beside what is materialised, and compared. Empty: nothing.
func (m Mapping) Outside() string {
	kept := keptOutside{m.Exclude, m.outside().hidden}
	if len(kept.Exclude) == 0 && len(kept.Hidden) == 0 {
		return ""
	}
	b, err := json.Marshal(kept)
	if err != nil { // strings alone cannot fail
		return ""
	}
	return string(b)
}

type keptOutside struct {
	Exclude []string   `json:"exclude"`
	Hidden  [][]string `json:"hidden"`
}

// Readmission is what changes when a mapping's rules become others.
type Readmission struct {
	ctx     context.Context
	h       *object.Hasher
	g       object.Getter
	sink    object.Sink
	was, is outside
}

// NewReadmission compares the rules of now with those kept by Outside. Damaged
// ones are an error: nothing of what is materialised is known then.
func NewReadmission(ctx context.Context, h *object.Hasher, g object.Getter, sink object.Sink, m Mapping, was string) (*Readmission, error) {
	r := &Readmission{ctx: ctx, h: h, g: g, sink: sink, is: m.outside()}
	if was == "" {
		return r, nil
	}
	var kept keptOutside
	if err := json.Unmarshal([]byte(was), &kept); err != nil {
		return nil, fmt.Errorf("rules of %s: %w", m.Path, err)
	}
	r.was = Mapping{Exclude: kept.Exclude}.outside()
	r.was.hidden = kept.Hidden
	return r, nil
}

// Known is the materialised tree without the paths that are let in: what is
// really known of the disk, and the base of its next scan.
func (r *Readmission) Known(materialised object.ID) (object.ID, error) {
	id, _, err := r.known(materialised, nil)
	return id, err
}

func (r *Readmission) known(tree object.ID, path []string) (object.ID, object.Summary, error) {
	if len(path) > object.MaxDepth {
		return object.ID{}, object.Summary{}, object.ErrLimit
	}
	var edits []object.Edit
	for e, err := range object.Entries(r.ctx, r.g, tree, "") {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		p, dir := join(path, e.Name), e.Kind == object.Dir
		switch {
		case r.was.name(p, dir):
			if !r.is.name(p, dir) {
				edits = append(edits, object.Edit{Name: e.Name})
			}
		case dir && !r.is.name(p, dir):
			id, sum, err := r.known(e.Tree, p)
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			if id != e.Tree {
				e.Tree, e.Size = id, sum.Bytes
				edits = append(edits, object.Edit{Name: e.Name, Entry: &e})
			}
		}
	}
	return object.EditTree(r.ctx, r.h, r.g, r.sink, tree, edits)
}

// Held is the known tree with what the scan found of the paths that are let in
// and some known snapshot held there. roots are trees of the mapping in known
// snapshots.
func (r *Readmission) Held(known, scanned object.ID, roots []object.ID) (object.ID, error) {
	id, _, err := r.held(known, scanned, roots, nil)
	return id, err
}

func (r *Readmission) held(known, scanned object.ID, roots []object.ID, path []string) (object.ID, object.Summary, error) {
	if len(path) > object.MaxDepth {
		return object.ID{}, object.Summary{}, object.ErrLimit
	}
	var edits []object.Edit
	for c, err := range object.DiffTree(r.ctx, r.g, known, scanned) {
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if c.B == nil {
			continue
		}
		p, dir := join(path, c.Name), c.B.Kind == object.Dir
		if r.was.name(p, dir) {
			if r.is.name(p, dir) || c.A != nil {
				continue
			}
			e, err := r.heldEntry(*c.B, roots, len(path))
			if err != nil {
				return object.ID{}, object.Summary{}, err
			}
			if e != nil {
				edits = append(edits, object.Edit{Name: c.Name, Entry: e})
			}
			continue
		}
		if !dir || c.A != nil && c.A.Kind != object.Dir {
			continue
		}
		e, below := *c.B, treeOf(c.A)
		if c.A != nil {
			e = *c.A
		}
		under, err := r.lookups(roots, c.Name)
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		id, sum, err := r.held(below, c.B.Tree, treesOf(under), p)
		if err != nil {
			return object.ID{}, object.Summary{}, err
		}
		if id != below && (c.A != nil || sum.Entries > 0) {
			e.Tree, e.Size = id, sum.Bytes
			edits = append(edits, object.Edit{Name: c.Name, Entry: &e})
		}
	}
	return object.EditTree(r.ctx, r.h, r.g, r.sink, known, edits)
}

// heldEntry is what of an entry is old; nil when it is all a person's.
func (r *Readmission) heldEntry(e object.Entry, roots []object.ID, depth int) (*object.Entry, error) {
	same, err := r.lookups(roots, e.Name)
	if err != nil {
		return nil, err
	}
	var orig []object.Entry
	if name, isCopy := merge.Original(e.Name); isCopy {
		if orig, err = r.lookups(roots, name); err != nil {
			return nil, err
		}
	}
	return heldEntry(r.ctx, r.h, r.g, r.sink, e, same, orig, depth)
}

// lookups are the different entries that trees have at a name.
func (r *Readmission) lookups(roots []object.ID, name string) ([]object.Entry, error) {
	var out []object.Entry
	seen := map[object.Entry]bool{}
	for _, root := range roots {
		e, ok, err := object.Lookup(r.ctx, r.g, root, name)
		if err != nil {
			return nil, err
		}
		if ok && !seen[e] {
			seen[e] = true
			out = append(out, e)
		}
	}
	return out, nil
}

func treesOf(list []object.Entry) []object.ID {
	var out []object.ID
	seen := map[object.ID]bool{}
	for _, e := range list {
		if e.Kind == object.Dir && !seen[e.Tree] {
			seen[e.Tree] = true
			out = append(out, e.Tree)
		}
	}
	return out
}
