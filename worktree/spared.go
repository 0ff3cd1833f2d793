package worktree

import (
	"context"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// spared says which deletions of a plan will not be done, by the rules that
// the wanted tree holds.
type spared struct {
	ctx     context.Context
	g       object.Getter
	c       Content
	outside outside
	tree    object.ID
	rules   map[string]*ignoreStack // by directory
}

// path reports whether a file that the wanted tree does not hold stays.
func (s *spared) path(path []string) (bool, error) {
	if s.outside.path(path, false) || ReservedPath(path) {
		return true, nil
	}
	_, ig, err := s.ignored(path, false)
	return ig, err
}

// ignored reports whether the tree's rules leave a path out, and the directory
// whose rules do.
func (s *spared) ignored(path []string, dir bool) (at []string, ignored bool, err error) {
	for i := range path {
		stack, err := s.stack(path[:i])
		if err != nil {
			return nil, false, err
		}
		if at, ig := stack.by(path[:i+1], dir || i < len(path)-1); ig {
			return at, true, nil
		}
	}
	return nil, false, nil
}

// Rules are the ignore rules that a tree of a mapping holds.
type Rules struct{ of spared }

// NewRules takes a mapping's tree and what hands out the rules' files.
func NewRules(ctx context.Context, g object.Getter, c Content, tree object.ID) *Rules {
	return &Rules{spared{ctx: ctx, g: g, c: c, rules: map[string]*ignoreStack{}, tree: tree}}
}

// Ignore reports whether the rules leave out a path below the mapping, and the
// path of the file that says so.
func (r *Rules) Ignore(path []string, dir bool) (file []string, ignored bool, err error) {
	at, ignored, err := r.of.ignored(path, dir)
	if err != nil || !ignored {
		return nil, false, err
	}
	return join(at, ignoreName), true, nil
}

// stack is the rules that hold in a directory.
func (s *spared) stack(dir []string) (*ignoreStack, error) {
	rel := strings.Join(dir, "/")
	if st, ok := s.rules[rel]; ok {
		return st, nil
	}
	var up *ignoreStack
	if len(dir) > 0 {
		var err error
		if up, err = s.stack(dir[:len(dir)-1]); err != nil {
			return nil, err
		}
	}
	e, ok, err := object.LookupPath(s.ctx, s.g, s.tree, "/"+strings.TrimPrefix(rel+"/"+ignoreName, "/"))
	if err != nil {
		return nil, err
	}
	if ok && e.Kind == object.File {
		text := make([]byte, 0, min(e.Size, maxIgnore))
		for b, err := range s.c.Stream(s.ctx, e.Content, 0) {
			if err != nil {
				return nil, err
			}
			if text = append(text, b...); len(text) >= maxIgnore {
				text = text[:maxIgnore]
				break
			}
		}
		up = up.with(dir, parseIgnore(string(text)))
	}
	s.rules[rel] = up
	return up, nil
}
