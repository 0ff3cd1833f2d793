package node

import (
	"slices"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// draft is the decided snapshot but for what it counts.
func (n *Node) draft(v *vault, d worktree.Decision, parents []object.ID, msg string) object.Snapshot {
	s := object.Snapshot{Root: d.Tree, Parents: slices.Clone(parents), MergeVersion: 1, Device: v.id, Time: n.now().UnixNano(), Message: printable(msg), Conflicts: d.Conflicts}
	slices.SortFunc(s.Parents, compareID)
	if len(parents) > 0 {
		s.Base = d.Base
	}
	for i := range s.Conflicts {
		for j := range s.Conflicts[i].Sides {
			if side := &s.Conflicts[i].Sides[j]; side.Device.IsZero() {
				side.Device, side.Time = v.id, s.Time
			}
		}
	}
	s.Conflicts = object.FitConflicts(s.Conflicts)
	return s
}
