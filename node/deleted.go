package node

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// lsDeleted lists what some snapshot that led to ref holds at a path and ref
// itself does not. It looks at each version of that directory once.
func (n *Node) lsDeleted(ctx context.Context, v *vault, ref string, recursive bool) (LsResult, error) {
	res := LsResult{Entries: []Entry{}}
	name, path, err := parseRef(ref)
	if err != nil {
		return res, err
	}
	p, err := n.resolve(ctx, v, name)
	if err != nil {
		return res, err
	}
	now, err := subtree(ctx, v, p.root, path)
	if err != nil {
		return res, err
	}
	if err := n.whole(ctx, v); err != nil {
		return res, err
	}
	heads, err := n.headsOf(ctx, v, name)
	if err != nil {
		return res, err
	}
	looked := map[object.ID]bool{now: true}
	found := map[string]bool{}
	none, err := emptyTree(ctx, v)
	if err != nil {
		return res, err
	}
	ever := now != none || path == "/"
	for h, err := range n.historyOf(ctx, v, heads) {
		if err != nil {
			return res, err
		}
		then, err := subtree(ctx, v, h.s.Root, path)
		if err != nil {
			return res, err
		}
		ever = ever || then != none
		if looked[then] {
			continue
		}
		looked[then] = true
		for c, err := range changesOf(ctx, v, now, then, recursive) {
			if err != nil {
				return res, err
			}
			full := path + c.Path
			if path == "/" {
				full = c.Path
			}
			if c.A != nil || found[full] {
				continue
			}
			found[full] = true
			e := n.entryInfo(v, full, *c.B)
			e.Deleted, e.Last = true, h.id.CID(object.KindSnapshot)
			res.Entries = append(res.Entries, e)
		}
	}
	if !ever {
		return res, fail(NotFound, "bsv ls --deleted -R /", "%s was never a directory of the vault", path)
	}
	slices.SortFunc(res.Entries, func(a, b Entry) int { return strings.Compare(a.Raw(), b.Raw()) })
	return res, nil
}

// changesOf compares two directories: their names, or all below.
func changesOf(ctx context.Context, v *vault, a, b object.ID, recursive bool) iter.Seq2[object.PathChange, error] {
	if recursive {
		return object.Diff(ctx, v.repo, a, b)
	}
	return func(yield func(object.PathChange, error) bool) {
		for c, err := range object.DiffTree(ctx, v.repo, a, b) {
			if !yield(object.PathChange{Path: "/" + c.Name, A: c.A, B: c.B}, err) || err != nil {
				return
			}
		}
	}
}
