package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/bsvsync/bsv/worktree"
)

// What a mapping left out when it was last scanned is kept beside what is
// materialised: paths that are let in again were not given to the disk.

func outsideKey(mapping string) string { return "outside " + mapping }

// errRules: what was kept of a mapping's rules cannot be read.
var errRules = errors.New("kept rules cannot be read")

// sameOutside reports whether the mapping leaves out what it left out when it
// was last scanned.
func (n *Node) sameOutside(m worktree.Mapping) (was string, same bool, err error) {
	b, err := n.home.State().Value(outsideKey(m.Path))
	return string(b), string(b) == m.Outside(), err
}

// keepOutside keeps what a mapping leaves out.
func (n *Node) keepOutside(m worktree.Mapping) error {
	_, same, err := n.sameOutside(m)
	if err != nil || same {
		return err
	}
	var b []byte
	if text := m.Outside(); text != "" {
		b = []byte(text)
	}
	return n.home.State().NoteValue(outsideKey(m.Path), b)
}

// readmission is what a scan has to know when a mapping's rules have become
// others; nil when they have not, or nothing is materialised.
func (n *Node) readmission(ctx context.Context, v *vault, m worktree.Mapping, known bool) (*worktree.Readmission, error) {
	was, same, err := n.sameOutside(m)
	if err != nil || same || !known {
		return nil, err
	}
	r, err := worktree.NewReadmission(ctx, v.repo.Hasher(), v.repo, v.repo, m, was)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRules, err)
	}
	return r, nil
}
