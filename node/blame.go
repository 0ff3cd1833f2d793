package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// verdict is what the brake weighed: files are too many of those of from, that
// others deleted, or turned into what cannot be compressed. The zero value
// lets them pass.
type verdict struct {
	turned    bool
	files, of uint64
	from      object.ID
}

// waiting is why a mapping waits, and what a person can do about it.
type waiting struct {
	verdict
	have, want object.ID // the way that was weighed

	who  string // the devices that did it; "" when the history does not tell
	back string // the commands that bring back what they did; "" likewise
}

// why says who did what.
func (h waiting) why() string {
	who := h.who
	if who == "" {
		who = "another device"
	}
	if h.turned {
		return fmt.Sprintf("%s replaced about %d of %s by what cannot be compressed, as encryption does; nothing was replaced here", who, h.files, count(int(h.of), "file"))
	}
	return fmt.Sprintf("%s deleted %d of %s; nothing was deleted here", who, h.files, count(int(h.of), "file"))
}

// choice names the commands: to look at it, to accept it, and to refuse it on
// all devices.
func (h waiting) choice(path string) string {
	back := h.back
	if back == "" {
		back = "bsv log " + quote(path) + " names the snapshots before, then: bsv restore ID:" + quote(path)
	}
	return "look at it: bsv diff; accept it: bsv sync --accept-deletes; or refuse it: " + back
}

// mostBlamed is how many snapshots are looked at to find out who did it, and
// mostBack how many commands are named to bring it back.
const (
	mostBlamed = 1000
	mostBack   = 3
)

// blame finds out who did what a mapping waits for, and what brings it back.
// What the history does not tell any more stays empty.
func (n *Node) blame(ctx context.Context, v *vault, m worktree.Mapping, h waiting) (waiting, error) {
	waits, err := h.lost(ctx, v, h.from, h.want)
	if err != nil {
		return h, unlessDamage(err)
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return h, err
	}
	left, devices := map[string]bool{}, n.names(v)
	for p := range waits {
		left[p] = true
	}
	var who []string
	var did []object.Snapshot // newest first
	looked := 0
	for x, err := range n.historyOf(ctx, v, heads) {
		if err != nil {
			return h, unlessDamage(err)
		}
		if looked++; len(left) == 0 || looked > mostBlamed {
			break
		}
		if x.s.Base.IsZero() || x.s.Device == v.id {
			continue
		}
		mine, err := h.lostBy(ctx, v, m.Path, x.s)
		if err != nil {
			return h, unlessDamage(err)
		}
		before := len(left)
		for p := range mine {
			delete(left, p)
		}
		if len(left) < before {
			did = append(did, x.s)
			if name := devices.of(x.s.Device); !slices.Contains(who, name) {
				who = append(who, name)
			}
		}
	}
	h.who = strings.Join(who, " and ")
	slices.Reverse(did)
	h.back, err = h.bringBack(ctx, v, m.Path, did, waits)
	return h, unlessDamage(err)
}

// bringBack names the commands that restore what is gone: of what the
// snapshots before those that took it hold.
func (h waiting) bringBack(ctx context.Context, v *vault, path string, did []object.Snapshot, gone map[string]bool) (string, error) {
	var back []string
	for _, s := range did {
		if len(gone) == 0 || len(back) == mostBack {
			break
		}
		id, root, err := fullest(ctx, v, s.Parents)
		if err != nil {
			return "", err
		}
		tree, err := subtree(ctx, v, root, path)
		if err != nil {
			return "", err
		}
		missing, err := h.lost(ctx, v, h.from, tree)
		if err != nil {
			return "", err
		}
		still := map[string]bool{}
		for p := range gone {
			if missing[p] {
				still[p] = true
			}
		}
		if len(still) < len(gone) {
			over := ""
			if !h.turned { // what others changed since stays
				over = "--overwrite never "
			}
			back = append(back, "bsv restore "+over+quote(id.Short()+":"+path))
		}
		gone = still
	}
	if len(gone) > 0 && len(back) == 0 {
		return "", nil
	}
	return strings.Join(back, "; then: "), nil
}

// fullest is the snapshot of some that holds the most files.
func fullest(ctx context.Context, v *vault, ids []object.ID) (best, root object.ID, err error) {
	most := uint64(0)
	for _, id := range ids {
		s, err := object.GetSnapshot(ctx, v.repo, id)
		if err != nil {
			return best, root, err
		}
		if best.IsZero() || s.Files > most {
			best, root, most = id, s.Root, s.Files
		}
	}
	return best, root, nil
}

// lostBy is what a snapshot itself took of a mapping.
func (h waiting) lostBy(ctx context.Context, v *vault, path string, s object.Snapshot) (map[string]bool, error) {
	before, err := subtree(ctx, v, s.Base, path)
	if err != nil {
		return nil, err
	}
	after, err := subtree(ctx, v, s.Root, path)
	if err != nil {
		return nil, err
	}
	return h.lost(ctx, v, before, after)
}

// lost are the files of one tree that are not in another, or are others there.
func (h waiting) lost(ctx context.Context, v *vault, from, to object.ID) (map[string]bool, error) {
	out := map[string]bool{}
	for c, err := range object.Diff(ctx, v.repo, from, to) {
		if err != nil {
			return nil, err
		}
		switch {
		case c.A == nil || c.A.Kind == object.Dir:
		case c.B == nil || c.B.Kind == object.Dir, h.turned && !c.A.SameContent(*c.B):
			out[c.Path] = true
		}
	}
	return out, nil
}

func unlessDamage(err error) error {
	if isDamage(err) {
		return nil
	}
	return err
}
