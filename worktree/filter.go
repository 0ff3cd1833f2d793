package worktree

import (
	"context"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// Filter chooses paths by gitignore patterns: what Include matches (all, when
// it is empty) and Exclude does not.
type Filter struct {
	Include, Exclude []string
	include, exclude ignoreRules
}

// NewFilter makes a filter.
func NewFilter(include, exclude []string) Filter {
	return Filter{include, exclude, parseIgnore(strings.Join(include, "\n")), parseIgnore(strings.Join(exclude, "\n"))}
}

// Match reports whether a path is chosen, and for a directory that is not
// whether something below it may be.
func (f Filter) Match(path []string, dir bool) (in, below bool) {
	if ig, found := f.exclude.match(path, dir); found && ig {
		return false, false
	}
	if len(f.include.list) == 0 {
		return true, true
	}
	ig, found := f.include.match(path, dir)
	return found && ig, dir
}

// Inside is the filter below a directory that was chosen as a whole.
func (f Filter) Inside() Filter { return Filter{nil, f.Exclude, ignoreRules{}, f.exclude} }

// Unmatched are the patterns that match neither one of the files nor anything
// below one of the directories. A pattern that takes away is none of them.
func Unmatched(ctx context.Context, g object.Getter, patterns []string, in []object.Entry) ([]string, error) {
	rules := map[string]ignoreRules{}
	var left []string
	for _, p := range patterns {
		r := parseIgnore(p)
		if !slices.ContainsFunc(r.list, func(p pattern) bool { return p.negate }) {
			rules[p] = r
			left = append(left, p)
		}
	}
	look := func(path []string, dir bool) {
		left = slices.DeleteFunc(left, func(p string) bool {
			ig, found := rules[p].match(path, dir)
			return found && ig
		})
	}
	for _, e := range in {
		if e.Kind != object.Dir {
			look([]string{e.Name}, false)
			continue
		}
		for pe, err := range object.Walk(ctx, g, e.Tree) {
			if err != nil {
				return nil, err
			}
			if len(left) == 0 {
				return nil, nil
			}
			look(object.Components(pe.Path), pe.Entry.Kind == object.Dir)
		}
	}
	return left, nil
}
