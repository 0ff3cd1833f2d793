package node

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

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

// Why a mapping waits.
const (
	massDeletion = "another device deleted most of the files; nothing was deleted here"
	massTurned   = "another device replaced most of the files by what cannot be compressed, as encryption does; nothing was replaced here"
)

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
	n.setBrake(m.Path, why)
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
	return why != "", err
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
		n.setBrake(m.Path, why)
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

// setBrake notes why a mapping waits; "": it does not.
func (n *Node) setBrake(path, why string) {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	if why != "" {
		n.brake[path] = why
	} else {
		delete(n.brake, path)
	}
}

// whyBraked says why a mapping waits.
func (n *Node) whyBraked(path string) string {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	return n.brake[path]
}
