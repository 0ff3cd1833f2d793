package node

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// The brake looks back, so that many small deletions count as one large one.
const (
	brakeWindow = time.Hour
	brakeMarks  = 15 * time.Minute // between two marks
)

// lookback is what the brake remembers of a mapping, in state.db.
type lookback struct {
	Held  int64        // since when it waits, nanoseconds since 1970; 0: it does not
	Goal  object.ID    // what the last apply that deleted was heading for
	Marks []lookedBack // oldest first
}

// lookedBack is a mapping as it was at some time, but for what this device
// itself deleted since.
type lookedBack struct {
	At           int64 // nanoseconds since 1970
	Tree         object.ID
	Files        uint64 // of the mapping then; 0: not counted yet
	Gone, Turned uint64 // of them by what others did, as far as Tree shows it no more
	// All that was deleted and rewritten since, even when it came back: while
	// that is little, nothing needs to be compared.
	Deleted, Rewritten uint64
}

func brakeKey(path string) string { return "brake" + path }

// brakes reports why a mapping must wait, if it must, and remembers what the
// next apply is weighed against. The caller holds n.work and applies next.
func (n *Node) brakes(ctx context.Context, v *vault, m worktree.Mapping, have, want object.ID, c consent) (bool, error) {
	old, err := n.lookback(m.Path)
	if err != nil {
		return false, err
	}
	why, next, err := n.weigh(ctx, v, m, have, want, c, old)
	if err != nil {
		return false, err
	}
	if err := n.hold(ctx, v, m, have, want, why); err != nil {
		return false, err
	}
	a, err := encodeLookback(old)
	if err != nil {
		return false, err
	}
	b, err := encodeLookback(next)
	if err == nil && !bytes.Equal(a, b) {
		if err = n.home.State().NoteValue(brakeKey(m.Path), b); err == nil {
			n.fault.Hit("apply.weighed")
		}
	}
	return why.files > 0, err
}

// shouldBrake finds out whether a mapping waits, for those who ask.
func (n *Node) shouldBrake(ctx context.Context, v *vault, m worktree.Mapping, have, want object.ID) error {
	old, err := n.lookback(m.Path)
	if err != nil {
		return err
	}
	c, err := n.consent(ctx, v, false)
	if err != nil {
		return err
	}
	why, _, err := n.weigh(ctx, v, m, have, want, c, old)
	if err == nil {
		err = n.hold(ctx, v, m, have, want, why)
	}
	return err
}

// lookback reads what the brake remembers. What cannot be read is forgotten.
func (n *Node) lookback(path string) (lookback, error) {
	var l lookback
	b, err := n.home.State().Value(brakeKey(path))
	if err != nil || b == nil {
		return l, err
	}
	if json.Unmarshal(b, &l) != nil {
		return lookback{}, nil
	}
	return l, nil
}

func encodeLookback(l lookback) ([]byte, error) {
	if l.Held == 0 && len(l.Marks) == 0 {
		return nil, nil
	}
	return json.Marshal(l)
}

// hold notes whether a mapping waits, and why: that is found out once for what
// was weighed.
func (n *Node) hold(ctx context.Context, v *vault, m worktree.Mapping, have, want object.ID, why verdict) error {
	if why.files == 0 {
		n.release(m.Path)
		return nil
	}
	if old, ok := n.braked(m.Path); ok && old.verdict == why && old.have == have && old.want == want {
		return nil
	}
	h, err := n.blame(ctx, v, m, waiting{verdict: why, have: have, want: want})
	if err != nil {
		return err
	}
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	n.brake[m.Path] = h
	return nil
}

// release notes that a mapping does not wait.
func (n *Node) release(path string) {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	delete(n.brake, path)
}

// braked is why a mapping waits, if it does.
func (n *Node) braked(path string) (waiting, bool) {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	h, ok := n.brake[path]
	return h, ok
}

// tellBraked tells of the mappings that wait, and logs what is new of it. The
// caller holds n.work.
func (n *Node) tellBraked(paths []string) {
	next := map[string]string{}
	for _, p := range paths {
		h, _ := n.braked(p)
		next[p] = h.why()
		if n.toldBraked[p] == next[p] {
			continue
		}
		n.log.Warn(p+" waits: "+h.why(), "hint", h.choice(p))
		n.Bus.Publish(event.Event{Kind: event.Notice, Path: p, Message: h.why() + "; that waits for consent: " + h.choice(p)})
	}
	n.toldBraked = next
}
