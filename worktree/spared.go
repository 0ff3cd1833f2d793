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
	if s.outside.path(path, false) {
		return true, nil
	}
	for i := range path {
		stack, err := s.stack(path[:i])
		if err != nil {
			return false, err
		}
		if stack.ignored(path[:i+1], i < len(path)-1) {
			return true, nil
		}
	}
	return false, nil
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
