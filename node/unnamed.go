package node

import (
	"context"
	"slices"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// unnamed are heads that this device knows without a record: what its disk was
// given, what was maximal when that was looked at last, and what seek has found.
// Records are small files that may be damaged or gone. Without theirs the state
// would be an older one, and the files that came with these heads would read as
// deleted. A head that was given up is none. The caller holds mu.
func (w *view) unnamed() ([]object.ID, error) {
	g, err := w.n.home.State().Given()
	if err != nil {
		return nil, err
	}
	out := slices.Concat(g.A, w.maximal.heads, w.found)
	return slices.DeleteFunc(out, func(id object.ID) bool { return w.accepted[id] }), nil
}

// recorded are the heads that records name and that count.
func (w *view) recorded(ctx context.Context) ([]object.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []object.ID
	for _, k := range w.recs {
		id := k.said.Head
		if id.IsZero() || w.broken[id] || slices.Contains(out, id) {
			continue
		}
		if _, ok, err := w.counts(ctx, id); err != nil && !isBroken(err) {
			return nil, err
		} else if ok {
			out = append(out, id)
		}
	}
	return out, nil
}

// publishHead publishes the only head when no record names it or what has seen it:
// that of another device, whose record is gone. Nobody else may have it, and nobody
// would ask for it before this device stores something upon it. Beside other heads
// it waits for that: a record names one.
func (n *Node) publishHead(ctx context.Context, v *vault) error {
	if !v.view.isMember(v.id) || v.mayWrite() != nil {
		return nil
	}
	heads, _, err := v.view.H(ctx)
	if err != nil || len(heads) != 1 || !v.view.hasComplete(heads[0]) {
		return err
	}
	named, err := v.view.recorded(ctx)
	if err != nil || slices.Contains(named, heads[0]) {
		return err
	}
	seen, err := merge.Seen(ctx, v.env(), named, heads)
	if err != nil || seen[0] {
		return err
	}
	n.log.Info("publishing a head whose record is gone", "snapshot", heads[0].Short())
	return n.publish(ctx, v, heads[0])
}
