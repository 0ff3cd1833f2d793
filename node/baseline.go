package node

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// baseline is from where a sync counts: what was moved and known before
// anything was exchanged.
type baseline struct {
	v       *vault
	heads   []object.ID
	traffic Traffic
}

// setBaseline notes how things stand before the network begins, or after a
// sync.
func (n *Node) setBaseline(s *syncer, v *vault, heads []object.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = baseline{v, slices.Clone(heads), s.traffic()}
}

// baseline is now while the loop runs; a command without it counts from where
// the network began: what the sessions have done by themselves since is its own
// work.
func (n *Node) baseline(ctx context.Context, v *vault) (baseline, error) {
	b := baseline{v: v}
	if s := n.syncer(); s != nil {
		s.mu.Lock()
		first := s.base
		s.mu.Unlock()
		if n.mapsChan() == nil && first.v == v {
			return first, nil
		}
		b.traffic = s.traffic()
	}
	var err error
	b.heads, _, err = v.view.H(ctx)
	return b, err
}

// conflicts are those of the state at the baseline. Rules that this program
// lacks say nothing: the snapshot is kept and sent all the same.
func (b baseline) conflicts(ctx context.Context, n *Node) (map[string]bool, error) {
	st, err := n.state(ctx, b.v, b.heads)
	if err != nil && !errors.Is(err, merge.ErrVersion) {
		return nil, err
	}
	out := map[string]bool{}
	for _, c := range st.Conflicts {
		out[conflictKey(c)] = true
	}
	return out, nil
}

// conflictKey tells conflicts apart.
func conflictKey(c object.Conflict) string {
	return c.Path + "\x00" + strings.Join(slices.Sorted(slices.Values(c.Copies)), "\x00")
}

// since is what was moved after an earlier count.
func (t Traffic) since(o Traffic) Traffic {
	return Traffic{t.RoundTrips - o.RoundTrips, t.FetchedObjects - o.FetchedObjects, t.FetchedBytes - o.FetchedBytes, t.SentObjects - o.SentObjects, t.SentBytes - o.SentBytes}
}
