package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
)

// acceptedKey names the heads that a person gave up, in the state.
const acceptedKey = "damage"

// lost are the heads that this device once had with everything below them and
// has no more: what it published itself, and what its disk was given. To go on
// without them would read as if they had never been: files would be put back
// to older versions, and snapshots lose their parents.
func (n *Node) lost(ctx context.Context, v *vault) ([]object.ID, error) {
	g, err := n.home.State().Given()
	if err != nil {
		return nil, err
	}
	b, err := n.home.State().Value("journal")
	if err != nil {
		return nil, err
	}
	accepted, err := n.home.State().Value(acceptedKey)
	if err != nil {
		return nil, err
	}
	own := map[[32]byte]bool{}
	for _, r := range decodeJournal(b).records {
		own[r.digest] = true
	}
	return v.view.lost(ctx, g.A, own, accepted)
}

// lost looks at heads, and at this device's records: those of own, or all when
// it remembers none.
func (w *view) lost(ctx context.Context, heads []object.ID, own map[[32]byte]bool, accepted []byte) ([]object.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	heads = slices.Clone(heads)
	var out []object.ID
	for _, list := range []map[[32]byte]known{w.recs, w.strange} {
		for d, k := range list {
			if k.rec.Device != w.v.id || len(own) > 0 && !own[d] {
				continue
			}
			if !k.said.Head.IsZero() {
				heads = append(heads, k.said.Head)
			} else if _, strange := w.strange[d]; strange { // not even its own admission is left
				out = append(out, k.said.Settings)
			}
		}
	}
	for _, id := range heads {
		if w.broken[id] {
			continue
		}
		ok, err := w.isComplete(ctx, id)
		if err != nil && !isBroken(err) {
			return nil, err
		}
		switch {
		case err != nil:
		case !ok:
			out = append(out, id)
		case slices.Contains(w.pending, id): // it has come since that was computed
			w.heads = nil
		}
	}
	for ; len(accepted) >= 32; accepted = accepted[32:] {
		out = slices.DeleteFunc(out, func(id object.ID) bool { return id == object.ID(accepted[:32]) })
	}
	slices.SortFunc(out, compareID)
	return slices.Compact(out), nil
}

// whole is the error that something is lost.
func (n *Node) whole(ctx context.Context, v *vault) error {
	lost, err := n.lost(ctx, v)
	if err != nil || len(lost) == 0 {
		return err
	}
	return &Error{Kind: Damage, Msg: damageText(lost), Hint: damageHint, Err: cas.ErrDamaged}
}

func damageText(lost []object.ID) string {
	more := ""
	if len(lost) > 1 {
		more = fmt.Sprintf(" and %d more", len(lost)-1)
	}
	return fmt.Sprintf("the repository is damaged: snapshot %s%s, which this device had, is not whole any more", lost[0].Short(), more)
}

// What helps against damage: before a peer was asked, and when none was reached.
const (
	damageHint  = "fetch it from a peer: bsv sync; " + damageLeft
	damageAlone = "no other device was reached: start it there with bsv node, then run this again; " + damageLeft
	damageLeft  = "what is left: bsv restore ID:/ --to DIR; to give up what is lost: bsv snapshot --accept-damage"
)

// named is the error that says which snapshot is lost, for one that only says
// which object.
func (n *Node) named(ctx context.Context, v *vault, err error) error {
	if isDamage(err) {
		if w := n.whole(ctx, v); w != nil {
			return w
		}
	}
	return err
}

func isDamage(err error) bool { return err != nil && Explain(err).Kind == Damage }

// giveUp goes on without what is lost, as after the loss of state.db: what the
// directories hold is united with the history that is left. The caller holds
// n.work.
func (n *Node) giveUp(ctx context.Context, v *vault) error {
	lost, err := n.lost(ctx, v)
	if err != nil || len(lost) == 0 {
		return err
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return err
	}
	accepted, err := n.home.State().Value(acceptedKey)
	if err != nil {
		return err
	}
	for _, id := range lost {
		n.log.Warn("given up", "snapshot", id.Short())
		accepted = append(accepted, id[:]...)
	}
	if err := n.readAnew(v); err != nil {
		return err
	}
	return errors.Join(n.home.State().SetGiven(home.Given{A: h, Materialised: map[string]object.ID{}}), n.home.State().SetValue(acceptedKey, accepted))
}

// readAnew forgets what is known of the files on the disk: the next scan reads
// them all. The caller holds n.work.
func (n *Node) readAnew(v *vault) error {
	clear(n.written)
	maps, err := n.mappings(v)
	if err != nil {
		return err
	}
	for _, m := range maps {
		if err := n.home.State().DropRows(m.Path); err != nil {
			return err
		}
	}
	return nil
}
