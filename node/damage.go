package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// acceptedKey names the heads that a person gave up, in the state.
const acceptedKey = "damage"

// damage is what this device once had and has lost.
type damage struct {
	lost  []object.ID // heads that cannot be read any more
	holed []object.ID // heads that lack contents alone
	alien bool        // this device's own admission: nothing that it publishes would count
}

func (d damage) some() bool { return len(d.lost)+len(d.holed) > 0 || d.alien }

// lost are the heads that this device once had with everything below them and
// cannot read any more: what it published itself, and what its disk was given. To
// go on without them would read as if they had never been: files would be put
// back to older versions, and snapshots lose their parents.
func (n *Node) lost(ctx context.Context, v *vault) ([]object.ID, error) {
	d, err := n.damage(ctx, v)
	return d.lost, err
}

// damage also tells of heads that lack contents alone.
func (n *Node) damage(ctx context.Context, v *vault) (damage, error) {
	g, err := n.home.State().Given()
	if err != nil {
		return damage{}, err
	}
	own, err := n.published()
	if err != nil {
		return damage{}, err
	}
	if _, _, err := v.view.H(ctx); err != nil {
		return damage{}, err
	}
	return v.view.damage(ctx, g.A, own)
}

// published are the digests of the records that this device remembers to have
// published.
func (n *Node) published() (map[[32]byte]bool, error) {
	b, err := n.home.State().Value("journal")
	own := map[[32]byte]bool{}
	for _, r := range decodeJournal(b).records {
		own[r.digest] = true
	}
	return own, err
}

// givenUp are the heads that a person gave up.
func (n *Node) givenUp() (out []object.ID, err error) {
	b, err := n.home.State().Value(acceptedKey)
	for ; len(b) >= 32; b = b[32:] {
		out = append(out, object.ID(b[:32]))
	}
	return out, err
}

// damage looks at heads, and at this device's records: those of own, or all when
// it remembers none.
func (w *view) damage(ctx context.Context, heads []object.ID, own map[[32]byte]bool) (damage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	heads = slices.Concat(heads, w.holed, w.found)
	var d damage
	for _, list := range []map[[32]byte]known{w.recs, w.strange} {
		for digest, k := range list {
			if k.rec.Device != w.v.id || len(own) > 0 && !own[digest] {
				continue
			}
			if !k.said.Head.IsZero() {
				heads = append(heads, k.said.Head)
			} else if _, strange := w.strange[digest]; strange { // not even its own admission is left
				d.lost = append(d.lost, k.said.Settings)
			}
		}
	}
	for _, id := range heads {
		if w.broken[id] || w.accepted[id] {
			continue
		}
		s, ok, err := w.counts(ctx, id)
		if err != nil && !isBroken(err) {
			return damage{}, err
		}
		switch {
		case err != nil:
		case !ok:
			d.lost = append(d.lost, id)
			continue
		case s == holed:
			d.holed = append(d.holed, id)
		}
		if slices.Contains(w.pending, id) { // it has come since that was computed
			w.heads = nil
		}
	}
	d.lost = slices.DeleteFunc(d.lost, func(id object.ID) bool { return w.accepted[id] })
	_, member := w.members[w.v.id]
	d.alien = !member && len(d.lost) == 0 // or what is lost may tell
	for _, list := range []*[]object.ID{&d.lost, &d.holed} {
		slices.SortFunc(*list, compareID)
		*list = slices.Compact(*list)
	}
	return d, nil
}

// whole is the error that something is lost.
func (n *Node) whole(ctx context.Context, v *vault) error {
	d, err := n.damage(ctx, v)
	switch {
	case err != nil:
		return err
	case d.alien:
		return fail(Damage, wordsHint, "%s", alienText).by(cas.ErrDamaged)
	case len(d.lost) > 0:
		return fail(Damage, damageHint, "%s", damageText(d.lost)).by(cas.ErrDamaged)
	}
	return nil
}

// unharmed is the error that something is lost, be it contents alone.
func (n *Node) unharmed(ctx context.Context, v *vault) error {
	d, err := n.damage(ctx, v)
	if err != nil || !d.some() {
		return err
	}
	return fail(Damage, d.hint(), "%s", d.text()).by(cas.ErrDamaged)
}

func damageText(lost []object.ID) string {
	return fmt.Sprintf("the repository is damaged: snapshot %s, which this device had, is not whole any more", snapshots(lost))
}

// alienText: without it the state has no head of this device, and what its
// directories hold would read as deleted.
const alienText = "the repository is damaged: what says that this device is a member of the vault is lost"

func (d damage) hint() string {
	if d.alien {
		return wordsHint
	}
	return damageHint
}

func (d damage) text() string {
	if d.alien {
		return alienText
	}
	if len(d.lost) > 0 {
		return damageText(d.lost)
	}
	return fmt.Sprintf("the repository is damaged: contents of files of snapshot %s, or of older ones, are lost", snapshots(d.holed))
}

func snapshots(ids []object.ID) string {
	if len(ids) > 1 {
		return fmt.Sprintf("%s and %d more", ids[0].Short(), len(ids)-1)
	}
	return ids[0].Short()
}

// What helps against damage: before a peer was asked, and when none was reached.
const (
	damageMends = "bsv snapshot stores anew what the mapped directories still hold, bsv sync fetches the rest from another device; the damaged pack may stay where it is"
	damageHint  = "store anew what the directories hold: bsv snapshot; fetch the rest from a peer: bsv sync; " + damageLeft
	damageAlone = "no other device was reached: start it there with bsv node, then run this again; " + damageLeft
	damageLeft  = "what is left: bsv restore ID:/ --to DIR; to give up what is lost: bsv snapshot --accept-damage"
)

// alone is an error of damage when no peer was reached.
func alone(err error) error {
	e := Explain(err)
	if e.Hint == wordsHint { // what helps needs none
		return err
	}
	return &Error{Kind: Damage, Msg: e.Msg, Hint: damageAlone, Err: err}
}

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
	d, err := n.damage(ctx, v)
	if err != nil || !d.some() {
		return err
	}
	accepted, err := n.home.State().Value(acceptedKey)
	if err != nil {
		return err
	}
	for _, id := range slices.Concat(d.lost, d.holed) {
		n.log.Warn("given up", "snapshot", id.Short())
		accepted = append(accepted, id[:]...)
		v.view.giveUp(id)
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return err
	}
	if err := n.readAnew(v); err != nil {
		return err
	}
	return errors.Join(n.home.State().SetGiven(home.Given{A: h, Materialised: map[string]object.ID{}}), n.home.State().SetValue(acceptedKey, accepted))
}

func (w *view) giveUp(head object.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted[head], w.heads = true, nil
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

// mendedKey names the generation of the index for which a mapping was read anew.
func mendedKey(mapping string) string { return "mended " + mapping }

// mend stores anew what the mapped directories hold of what is lost: it forgets
// what is known of their files, so that the next scan reads them all. Where that
// scan could not read what it compares with, or with now, they are read at once.
// Damage is met once: each directory is read once for it, when it is there. It
// reports whether something is to be read. The caller holds n.work.
func (n *Node) mend(ctx context.Context, v *vault, now bool) (bool, error) {
	if err := v.repo.Notice(ctx); err != nil {
		return false, err
	}
	d, err := n.damage(ctx, v)
	if err != nil || !d.some() {
		return false, err
	}
	maps, err := n.mappings(v)
	if err != nil {
		return false, err
	}
	g := v.repo.Generation()
	due := false
	for _, m := range maps {
		if done, err := n.home.State().Value(mendedKey(m.Path)); err != nil {
			return false, err
		} else if m.CheckMarker() != nil || bytes.Equal(done, g[:]) && !now {
			continue
		}
		n.log.Warn("reading a directory anew, to mend what is lost", "mapping", m.Path)
		due = true
		delete(n.written, m.Path)
		if err := n.home.State().DropRows(m.Path); err != nil {
			return false, err
		}
		if now || len(d.lost) > 0 {
			if _, err := worktree.Scan(ctx, worktree.ScanOptions{Mapping: m, Store: v.repo, Memory: noMemory{}, Fault: n.fault}); err != nil && !errors.Is(err, worktree.ErrNotMounted) && !errors.Is(err, worktree.ErrForeign) && !errors.Is(err, worktree.ErrUnread) {
				return false, err
			}
			if err := v.repo.Commit(ctx); err != nil {
				return false, err
			}
		}
		if err := n.home.State().NoteValue(mendedKey(m.Path), g[:]); err != nil {
			return false, err
		}
	}
	return due, nil
}
