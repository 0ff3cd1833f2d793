package node

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/bsvsync/bsv/worktree"
)

// target checks a local path that a restore is to write to, and returns it by
// no link. Nothing but bsv writes into bsv's home; into a mapped directory
// only when a single file goes there.
func (n *Node) target(v *vault, to string, single bool) (string, []worktree.Mapping, error) {
	real, err := withoutLinks(to)
	if err != nil {
		return "", nil, err
	}
	if inside(to, n.home.Paths().Dir) || inside(real, n.homeDir()) {
		return "", nil, fail(Usage, "choose another directory", "%s lies inside bsv's own home", to)
	}
	maps, err := n.mappings(v)
	if err != nil {
		return "", nil, err
	}
	for _, m := range maps {
		if !single && (inside(to, m.Dir) || inside(real, m.Dir)) {
			return "", nil, fail(Usage, "restore in place instead: bsv restore REF:"+quote(m.Path), "%s lies inside the mapped directory %s", to, m.Dir)
		}
	}
	return real, maps, nil
}

// withoutLinks follows the links of a path as far as it is there.
func withoutLinks(path string) (string, error) {
	rest := ""
	for p := path; ; p = filepath.Dir(p) {
		real, err := filepath.EvalSymlinks(p)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(p) == p {
			return "", err
		}
		rest = filepath.Join(filepath.Base(p), rest)
	}
}
