package merge

import (
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// Unseen tells what somebody who has seen a set of snapshots has not. It is for
// one goroutine.
type Unseen struct{ a *ancestry }

// NewUnseen begins with a set. Those of it and of their ancestors that cannot be
// read count as if they had no parents.
func NewUnseen(ctx context.Context, env Env, set []object.ID) *Unseen {
	a := newAncestry(newHistory(ctx, env.Get, env.Memo), set...)
	a.holes = true
	return &Unseen{a}
}

// Add returns what a snapshot has seen and the set has not, itself included, and
// adds it to the set. In rare histories that is some more, which the set has seen
// in a roundabout way. Snapshots that are missing are left out, and what is below
// them; one that is malformed is an error.
func (u *Unseen) Add(id object.ID) ([]object.ID, error) {
	u.a.begin([]object.ID{id})
	// What the set has seen need not be read to its end: unless the other side
	// went down to the beginning without meeting it.
	var begun []object.ID
	asked := false
	err := u.a.walk(func() bool {
		if !asked {
			asked = true
			begun = slices.DeleteFunc(u.a.only(), func(id object.ID) bool { return len(u.a.seen[id].parents) > 0 })
		}
		return !slices.ContainsFunc(begun, func(id object.ID) bool { return !u.a.isLeft(id) })
	})
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	out := u.a.only()
	u.a.extend(id)
	return out, nil
}
