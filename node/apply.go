package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// maxReplans bounds how often an apply gives way to edits under it before it
// waits for the next occasion.
const maxReplans = 20

// applied is what applyState did.
type applied struct {
	change   worktree.Change
	problems []worktree.Problem
	braked   []string // mappings that wait for consent
	changes  []Change // what a dry run would do
}

// applyState gives the disk the state. The caller holds n.work and has taken
// a snapshot. Mappings that braked keep what they have.
func (n *Node) applyState(ctx context.Context, v *vault, accept bool) (out applied, err error) {
	defer func() {
		n.note(ctx, workApply, err)
		if err == nil {
			n.compact(ctx, v)
		}
	}()
	c, err := n.consent(ctx, v, accept)
	if err != nil {
		return out, err
	}
	for range maxReplans {
		again, err := n.applyOnce(ctx, v, c, &out)
		if err == nil && !again {
			err = n.answered(c)
		}
		if err != nil || !again {
			return out, err
		}
		t, err := n.takeSnapshot(ctx, v, "", nil, nil)
		if err != nil {
			return out, err
		}
		out.problems = append(out.problems, t.problems...)
	}
	return out, nil
}

func (n *Node) applyOnce(ctx context.Context, v *vault, c consent, out *applied) (again bool, err error) {
	if err := n.whole(ctx, v); err != nil {
		return false, err
	}
	if err := n.recoverSwaps(ctx, v); err != nil {
		return false, err
	}
	maps, err := n.mappings(v)
	if err != nil {
		return false, err
	}
	g, err := n.given(ctx, v)
	if err == nil {
		err = n.publishGiven(ctx, v, g)
	}
	if err != nil {
		return false, err
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return false, err
	}
	state, err := n.state(ctx, v, h)
	if err != nil {
		return false, err
	}
	type job struct {
		m          worktree.Mapping
		have, want object.ID
	}
	var jobs []job
	for _, m := range maps {
		have, known := g.Materialised[m.Path]
		if !known || n.isPaused(m.Path) {
			continue
		}
		if _, same, err := n.sameOutside(m); err != nil || !same { // a scan has to let paths in first
			return err == nil, err
		}
		want, err := subtree(ctx, v, state.Root, m.Path)
		if err != nil {
			return false, err
		}
		if want == have {
			n.release(m.Path)
			if err := n.noteUnapplied(m.Path, nil); err != nil {
				return false, err
			}
			continue
		}
		stop, err := n.brakes(ctx, v, m, have, want, c)
		if err != nil {
			return false, err
		}
		if stop {
			if !slices.Contains(out.braked, m.Path) {
				out.braked = append(out.braked, m.Path)
			}
			if want, err = n.askedPart(ctx, v, m, have, c); err != nil {
				return false, err
			}
			if want == have {
				continue
			}
		}
		jobs = append(jobs, job{m, have, want})
	}
	if len(jobs) == 0 {
		if !sameIDs(g.A, h) && len(maps) > 0 {
			g.A = h
			return false, n.home.State().SetGiven(g)
		}
		return false, nil
	}
	if err := v.repo.Commit(ctx); err != nil {
		return false, err
	}
	g.A = h
	if err := n.home.State().NoteValue("applying", []byte{1}); err != nil {
		return false, err
	}
	if err := n.home.State().SetGiven(g); err != nil { // before the first step
		return false, err
	}
	n.fault.Hit("apply.begin")
	n.meter.begin("apply", 0, 0)
	stuck := stuckError{}
	for _, j := range jobs {
		mat := j.have
		checkpoint := func(done []worktree.Step) error {
			next, err := worktree.Advance(ctx, v.repo.Hasher(), v.repo, v.repo, mat, done)
			if err != nil {
				return err
			}
			if err := v.repo.Commit(ctx); err != nil {
				return err
			}
			mat = next
			g.Materialised[j.m.Path] = mat
			return n.home.State().SetGiven(g)
		}
		r, err := worktree.Apply(ctx, worktree.ApplyOptions{
			Mapping: j.m, Steps: worktree.Plan(ctx, v.repo, j.have, j.want), Content: v.repo, Store: v.repo, Memory: n.home.State(),
			Events: n.emit, Fault: n.fault, Checkpoint: checkpoint,
		})
		n.written[j.m.Path] = r.Written
		out.change.Created += r.Change.Created
		out.change.Updated += r.Change.Updated
		out.change.Deleted += r.Change.Deleted
		out.problems = append(out.problems, r.Problems...)
		if r.Left {
			if lerr := n.recoverSwap(ctx, v, j.m, []object.ID{j.have, j.want}); lerr != nil {
				n.unswapped[j.m.Path] = true
				err = cmp.Or(err, lerr)
			}
		}
		if errors.Is(err, worktree.ErrReplan) {
			return true, nil
		}
		if err != nil { // and what cleaned up after it may have failed, too
			n.unswapped[j.m.Path] = true
			if stuck[j.m.Path] = below(j.m.Dir, err); ctx.Err() != nil {
				return false, stuck
			}
			continue // the others lie on other disks
		}
		if err := n.noteUnapplied(j.m.Path, r.Problems); err != nil {
			return false, err
		}
		g.Materialised[j.m.Path] = j.want
		if len(r.Undone) > 0 {
			if g.Materialised[j.m.Path], err = worktree.Without(ctx, v.repo.Hasher(), v.repo, v.repo, j.want, r.Undone); err != nil {
				return false, err
			}
			if err := v.repo.Commit(ctx); err != nil {
				return false, err
			}
			if len(r.Problems) == 0 {
				if err := n.noteSettled(j.m.Path, g.Materialised[j.m.Path], j.want); err != nil {
					return false, err
				}
			}
		}
	}
	if len(n.unswapped) == 0 {
		if err := n.home.State().NoteValue("applying", nil); err != nil {
			return false, err
		}
	}
	if err := n.home.State().SetGiven(g); err != nil {
		return false, err
	}
	n.fault.Hit("apply.recorded")
	n.Bus.Publish(event.Event{Kind: event.Applied, ID: state.Root.CID(object.KindTree), Files: out.change.Created + out.change.Updated + out.change.Deleted})
	if len(stuck) > 0 {
		return false, stuck
	}
	return false, nil
}

func (n *Node) isPaused(path string) bool {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	return n.paused[path] != ""
}

func sameIDs(a, b []object.ID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i][:], b[i][:]) {
			return false
		}
	}
	return true
}

// recoverSwaps cleans what an interrupted apply left in the mapped directories
// that are named in unswapped. Where that cannot be done now, because the disk
// is away or takes nothing, or content that it needs is lost, it is done later:
// neither the other mappings nor what only reads have to wait for it. The caller
// holds n.work.
func (n *Node) recoverSwaps(ctx context.Context, v *vault) error {
	if len(n.unswapped) == 0 {
		return nil
	}
	maps, err := n.mappings(v)
	if err != nil {
		return err
	}
	g, err := n.given(ctx, v)
	if err != nil {
		return err
	}
	fa, err := n.stateGiven(ctx, v, g.A)
	if isDamage(err) {
		return nil // a peer may have what is lost
	}
	if err != nil {
		return err
	}
	for _, m := range maps {
		if !n.unswapped[m.Path] || m.CheckMarker() != nil {
			continue
		}
		want, err := subtree(ctx, v, fa.Root, m.Path)
		if err == nil {
			err = n.recoverSwap(ctx, v, m, []object.ID{g.Materialised[m.Path], want})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			n.log.Warn("what an interrupted apply left stays", "mapping", m.Path, "err", err)
			continue
		}
		delete(n.unswapped, m.Path)
	}
	if len(n.unswapped) > 0 {
		return nil
	}
	return n.home.State().NoteValue("applying", nil)
}

// recoverSwap cleans one mapped directory. trees are what it held and what it
// was to hold.
func (n *Node) recoverSwap(ctx context.Context, v *vault, m worktree.Mapping, trees []object.ID) error {
	back, err := worktree.Recover(ctx, m, v.repo, trees)
	for _, p := range back {
		n.log.Warn("a file that was being replaced came back under a new name", "mapping", m.Path, "path", p)
		n.Bus.Publish(event.Event{Kind: event.Notice, Path: object.JoinPath(m.Path, p), Message: "a file that was being replaced came back under a new name"})
	}
	return err
}
