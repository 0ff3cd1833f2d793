package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/object"
)

const (
	// maxLookedBack bounds how many ancestors are looked at for some that a peer
	// may know. The nearest are all named, of the others one in sparse.
	maxLookedBack = 16 << 10
	nearAncestors = 1 << 10
	sparse        = 256
)

// shared adds to heads that are complete here what the peer may know when it
// does not know them, since both went on while they were apart: the heads that
// it acknowledged when it was here last, and ancestors.
func (x *session) shared(ctx context.Context, heads []object.ID) ([]object.ID, error) {
	if x.hasAcked(heads) {
		return heads, nil
	}
	out := slices.Clone(heads)
	acked, err := x.s.n.acknowledged(x.id)
	if err != nil {
		return nil, err
	}
	for _, id := range acked {
		if x.v.view.hasComplete(id) {
			out = append(out, id)
		}
	}
	seen := map[object.ID]bool{}
	todo := slices.Clone(heads)
	for len(todo) > 0 && len(seen) < maxLookedBack {
		id := todo[0]
		todo = todo[1:]
		if seen[id] {
			continue
		}
		seen[id] = true
		s, err := object.GetSnapshot(ctx, x.v.repo, id)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue // it leads no farther
		}
		todo = append(todo, s.Parents...)
		if n := len(seen); n > len(heads) && (n <= nearAncestors || n%sparse == 0) {
			out = append(out, id)
		}
	}
	return out, nil
}

// acknowledged are the heads that a device had when it was here last.
func (n *Node) acknowledged(d object.DeviceID) ([]object.ID, error) {
	acked, err := n.home.State().Value(ackedKey(d))
	if err != nil {
		return nil, fmt.Errorf("what %s has: %w", d, err)
	}
	var had []object.ID
	for ; len(acked) >= len(object.ID{}); acked = acked[len(object.ID{}):] {
		had = append(had, object.ID(acked[:len(object.ID{})]))
	}
	return had, nil
}
