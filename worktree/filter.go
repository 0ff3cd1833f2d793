package worktree

import "strings"

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
