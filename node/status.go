package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// Status is bsv status.
func (n *Node) Status(ctx context.Context) (Status, error) {
	s := Status{Pending: []string{}, Heads: []string{}, Maps: []MapInfo{}, Peers: []PeerInfo{}, Repos: []RepoInfo{}, Warnings: []Warning{}, Failing: []Failing{}, Addrs: []string{}}
	v, err := n.open()
	if err != nil {
		return s, err
	}
	s.Device, s.Vault = v.id.String(), fmt.Sprintf("%x", v.header.Tag)
	s.Name = n.nameOf(v, v.id)
	heads, pending, err := v.view.H(ctx)
	if err != nil {
		return s, err
	}
	for _, h := range heads {
		s.Heads = append(s.Heads, h.CID(object.KindSnapshot))
	}
	for _, p := range pending {
		s.Pending = append(s.Pending, p.CID(object.KindSnapshot))
	}
	if len(heads) > 0 {
		st, err := n.state(ctx, v, heads)
		switch {
		case errors.Is(err, merge.ErrVersion):
			s.Warnings = append(s.Warnings, Warning{"this vault merges by newer rules: snapshots are kept, and what other devices changed waits", "install a newer bsv"})
		case err != nil:
			return s, err
		default:
			s.State, s.Conflicts = st.Root.CID(object.KindTree), len(st.Conflicts)
		}
	}
	d, err := n.damage(ctx, v)
	if err != nil {
		return s, err
	}
	for _, id := range slices.Concat(d.lost, d.holed) {
		s.Damaged = append(s.Damaged, id.CID(object.KindSnapshot))
	}
	if d.alien {
		s.Warnings = append(s.Warnings, Warning{d.text(), d.hint()})
	} else if d.some() {
		s.Warnings = append(s.Warnings, Warning{d.text(), "bsv snapshot, then: bsv sync"})
	}
	if err := n.home.Writable(); err != nil {
		s.Warnings = append(s.Warnings, Warning{err.Error(), "bsv restore --to DIR of another disk gives out what is stored; then mend the disk of " + n.homeDir()})
	}
	if w, ok := n.unmapped(); ok {
		s.Warnings = append(s.Warnings, w)
	}
	s.Failing = n.failures(d.some())
	for _, f := range s.Failing {
		s.Warnings = append(s.Warnings, f.warning())
	}
	m, err := n.MapList(ctx)
	if err != nil {
		return s, err
	}
	s.Maps = m.Maps
	for _, x := range s.Maps {
		switch x.State {
		case "paused":
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("%s is paused: %s", x.Raw(), x.Reason), n.pausedHint(ctx, v, x.Raw())})
		case "covered":
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("%s holds nothing of the vault: %s; what is saved here makes it a directory again, and a conflict copy of the other", x.Raw(), x.Reason), "bsv ls, then: bsv rm what stands there, or: bsv map remove " + quote(x.Raw())})
		case "changed":
			if n.work.TryLock() { // nobody is about to
				n.work.Unlock()
				s.Warnings = append(s.Warnings, Warning{x.Raw() + ": " + x.Reason, "bsv sync"})
			}
		case "waiting":
			h, _ := n.braked(x.Raw())
			s.Warnings = append(s.Warnings, Warning{x.Raw() + " waits: " + h.why(), h.choice(x.Raw())})
		}
		if u, err := n.kept(unreadKey(x.Raw())); err != nil {
			return s, err
		} else if u.count() > 0 {
			s.Unread += u.count()
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("%s: %s; what cannot be read keeps its last version", x.Raw(), u.say("read")), "bsv snapshot " + quote(x.Raw()) + " names them all; then mend their permissions, or leave them out with .bsvignore"})
		}
		if u, err := n.kept(unappliedKey(x.Raw())); err != nil {
			return s, err
		} else if u.count() > 0 {
			s.Unapplied += u.count()
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("%s: %s; it stays as it is here", x.Raw(), u.say("written")), "bsv sync names them all; make them writable, or move away what stands in their place, then: bsv sync"})
		}
		if why, _, err := n.overdue(x.Raw()); err != nil {
			return s, err
		} else if why != "" {
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("%s is OVERDUE: %s", x.Raw(), why), "bsv node, or: bsv snapshot " + quote(x.Raw())})
		}
	}
	p, err := n.Peers(ctx)
	if err != nil {
		return s, err
	}
	s.Peers = p.Peers
	for _, x := range s.Peers {
		if x.Full {
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("device %q cannot take what is new: its disk is full", x.Name), "free some space there: it goes on by itself; what is stored here is safe"})
		}
		if x.State == "waiting" {
			s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("device %q asks to join; its screen must show: %s", x.Name, x.Words), "bsv peers approve " + x.ID})
		}
	}
	r, err := n.RepoList(ctx)
	if err != nil {
		return s, err
	}
	s.Repos = r.Repos
	if keys := n.home.Config().Idle; len(keys) > 0 {
		s.Warnings = append(s.Warnings, Warning{fmt.Sprintf("config.toml: without effect in this version: %s", strings.Join(keys, ", ")), ""})
	}
	n.loopMu.Lock()
	s.Running = n.running
	if n.limited != nil {
		s.Warnings = append(s.Warnings, unwatched(n.limited))
	}
	n.loopMu.Unlock()
	s.Addrs = append(s.Addrs, n.netAddrs()...)
	if _, err := os.Lstat(n.home.Paths().Words()); err == nil {
		s.Warnings = append(s.Warnings, Warning{"the recovery words lie in " + n.home.Paths().Words() + ": write them down elsewhere; only then remove the file", "cat " + quote(n.home.Paths().Words())})
	}
	w, err := n.recordWarnings(v)
	if err != nil {
		return s, err
	}
	s.Warnings = append(s.Warnings, w...)
	if s.Conflicts > 0 {
		s.Warnings = append(s.Warnings, Warning{count(s.Conflicts, "conflict") + ": both versions are kept", "bsv conflicts"})
	}
	for i, w := range s.Warnings {
		s.Warnings[i] = Warning{Legible(w.Text), Legible(w.Command)}
	}
	return s, nil
}

// unwatched warns of directories whose changes no event tells of.
func unwatched(err error) Warning {
	text, hint := err.Error(), ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		text, hint = "the limit of watches is reached", "sudo sysctl fs.inotify.max_user_watches=1048576"
	case errors.Is(err, syscall.EMFILE):
		text, hint = "the limit of watchers is reached", "sudo sysctl fs.inotify.max_user_instances=1024"
	}
	return Warning{"not every directory can be watched (" + text + "): the rest is scanned from time to time", hint}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ConflictsResult lists conflicts.
type ConflictsResult struct {
	Conflicts []ConflictInfo `json:"conflicts"`
}

// Conflicts is bsv conflicts.
func (n *Node) Conflicts(ctx context.Context) (ConflictsResult, error) {
	res := ConflictsResult{Conflicts: []ConflictInfo{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return res, err
	}
	st, err := n.state(ctx, v, heads)
	if err != nil {
		return res, err
	}
	devices := n.names(v)
	for _, c := range st.Conflicts {
		res.Conflicts = append(res.Conflicts, n.conflictInfo(v, devices, c))
	}
	return res, nil
}

// rawCopy stands before a conflict copy's path that is no UTF-8, in base64.
const rawCopy = "b64:"

// RawCopies are the paths of the conflict copies, byte for byte.
func (c ConflictInfo) RawCopies() []string {
	out := slices.Clone(c.Copies)
	for i, p := range out {
		if text, ok := strings.CutPrefix(p, rawCopy); ok {
			out[i] = Path{PathB64: text}.Raw()
		}
	}
	return out
}

func (n *Node) conflictInfo(v *vault, devices names, c object.Conflict) ConflictInfo {
	i := ConflictInfo{Path: NewPath(c.Path), Type: c.Type, Winner: c.Winner, Copies: []string{}, Sides: []ConflictSide{}}
	for _, p := range c.Copies {
		text := NewPath(p)
		if text.PathB64 != "" {
			text.Path = rawCopy + text.PathB64
		}
		i.Copies = append(i.Copies, text.Path)
	}
	for _, s := range c.Sides {
		side := ConflictSide{Entry: n.entryInfo(v, s.Entry.Name, s.Entry), Time: stamp(s.Time)}
		if !s.Snapshot.IsZero() {
			side.Snapshot = s.Snapshot.CID(object.KindSnapshot)
		}
		if !s.Device.IsZero() {
			side.Device = devices.of(s.Device)
		}
		i.Sides = append(i.Sides, side)
	}
	return i
}
