package node

import (
	"context"
	"errors"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// announced is what the events have said of the state.
type announced struct {
	known     bool
	root      object.ID
	conflicts map[string]bool // by type and path
	notices   map[merge.Notice]bool
}

// announce publishes what is new in the state: its root, conflicts, and what
// the merge decided by itself. What the first state since the node began holds
// is not news, but for its root. The caller holds n.work.
func (n *Node) announce(ctx context.Context, v *vault) error {
	heads, _, err := v.view.H(ctx)
	if err != nil || len(heads) == 0 {
		return err
	}
	st, err := n.state(ctx, v, heads)
	if errors.Is(err, merge.ErrVersion) {
		return nil
	}
	if err != nil {
		return err
	}
	old := n.said
	now := announced{known: true, root: st.Root, conflicts: map[string]bool{}, notices: map[merge.Notice]bool{}}
	for _, c := range st.Conflicts {
		key := c.Type + " " + c.Path
		now.conflicts[key] = true
		if old.known && !old.conflicts[key] {
			n.Bus.Publish(event.Event{Kind: event.Conflict, Path: c.Path, Message: c.Type + ": both versions are kept: bsv conflicts"})
		}
	}
	for _, x := range st.Notices {
		now.notices[x] = true
		if old.known && !old.notices[x] {
			n.Bus.Publish(event.Event{Kind: event.Notice, Path: x.Path, Message: x.Text})
		}
	}
	if !old.known || old.root != st.Root {
		n.Bus.Publish(event.Event{Kind: event.State, ID: st.Root.CID(object.KindTree)})
	}
	n.said = now
	return nil
}

// notices are those of the state; none where it cannot be told.
func (n *Node) notices(ctx context.Context, v *vault) map[merge.Notice]bool {
	out := map[merge.Notice]bool{}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return out
	}
	st, err := n.state(ctx, v, heads)
	if err != nil {
		return out
	}
	for _, x := range st.Notices {
		out[x] = true
	}
	return out
}
