package node

import (
	"context"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// storable refuses an edit that puts what no mapping keeps: names that are
// bsv's own there, and what a mapping's ignore rules leave out. The next
// snapshot of a device that maps it would drop it again.
func (n *Node) storable(ctx context.Context, v *vault, before, after object.ID) error {
	maps, err := n.mappings(v)
	if err != nil {
		return err
	}
	rules := map[string]*worktree.Rules{}
	for c, err := range object.Diff(ctx, v.repo, before, after) {
		if err != nil {
			return err
		}
		if c.B == nil {
			continue
		}
		top := "/" + object.Components(c.Path)[0] // the root is never mapped
		if i := slices.IndexFunc(maps, func(m worktree.Mapping) bool { return object.Within(c.Path, m.Path) }); i >= 0 {
			top = maps[i].Path
		}
		below := object.Components(strings.TrimPrefix(c.Path, top))
		if len(below) == 0 {
			continue
		}
		if worktree.ReservedPath(below) {
			return fail(Usage, "choose another name", "%s: .bsvmap, and names that begin with .bsv-new- or .bsv-swap-, are bsv's own in mapped directories", c.Path)
		}
		if rules[top] == nil {
			tree, err := subtree(ctx, v, after, top)
			if err != nil {
				return err
			}
			rules[top] = worktree.NewRules(ctx, v.repo, v.repo, tree)
		}
		file, ignored, err := rules[top].Ignore(below, c.B.Kind == object.Dir)
		if err != nil {
			return err
		}
		if ignored {
			by := top
			for _, name := range file {
				by = object.JoinPath(by, name)
			}
			return fail(Usage, "choose another name, or change the rules: bsv get "+by+" -", "%s is left out by the rules of %s: no device that maps %s would keep it", c.Path, by, top)
		}
	}
	return nil
}

// adding is an edit that puts only what is storable.
func (n *Node) adding(ctx context.Context, v *vault, edit func(root object.ID) (object.ID, error)) func(root object.ID) (object.ID, error) {
	return func(root object.ID) (object.ID, error) {
		after, err := edit(root)
		if err == nil {
			err = n.storable(ctx, v, root, after)
		}
		return after, err
	}
}
