package node

import (
	"container/heap"
	"context"
	"iter"

	"github.com/bsvsync/bsv/object"
)

// snapshotAt is a snapshot with its id.
type snapshotAt struct {
	id object.ID
	s  object.Snapshot
}

// timeline lists some heads and what led to them as people see history: newest
// first, but parents never before their children. It reads no farther than it is
// listened to, where history has one line: the snapshot that alone is left to
// look at comes after all that was looked at, if that all leads to it. Only where
// lines run side by side, it reads to where they meet. What get reports as not
// there is left out, with what only that leads to.
func timeline(get func(object.ID) (object.Snapshot, bool, error), heads []object.ID) iter.Seq2[snapshotAt, error] {
	return func(yield func(snapshotAt, error) bool) {
		var (
			next   newest                 // read, and what is above them too
			pushed = map[object.ID]bool{} // since the lines met last
			beside []snapshotAt           // looked at since then
			ended  bool                   // one of them leads to nothing
		)
		push := func(id object.ID) error {
			if pushed[id] {
				return nil
			}
			pushed[id] = true
			s, ok, err := get(id)
			switch {
			case err != nil:
				return err
			case ok:
				heap.Push(&next, snapshotAt{id, s})
			default:
				ended = true
			}
			return nil
		}
		parents := func(h snapshotAt) error {
			for _, p := range h.s.Parents {
				if err := push(p); err != nil {
					return err
				}
			}
			return nil
		}
		for _, id := range heads {
			if err := push(id); err != nil {
				yield(snapshotAt{}, err)
				return
			}
		}
		for len(next) > 0 {
			h := heap.Pop(&next).(snapshotAt)
			if len(next) == 0 && !ended {
				for _, b := range ordered(append(beside, h)) {
					if !yield(b, nil) {
						return
					}
				}
				beside, pushed = nil, map[object.ID]bool{}
			} else {
				beside = append(beside, h)
				ended = ended || len(h.s.Parents) == 0
			}
			if err := parents(h); err != nil {
				yield(snapshotAt{}, err)
				return
			}
		}
		for _, b := range ordered(beside) {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// ordered sorts snapshots: always the newest of those whose children have been.
func ordered(list []snapshotAt) []snapshotAt {
	at := map[object.ID]snapshotAt{}
	children := map[object.ID]int{}
	for _, h := range list {
		at[h.id] = h
		for _, p := range h.s.Parents {
			children[p]++
		}
	}
	var ready newest
	for _, h := range list {
		if children[h.id] == 0 {
			heap.Push(&ready, h)
		}
	}
	out := make([]snapshotAt, 0, len(list))
	for len(ready) > 0 {
		h := heap.Pop(&ready).(snapshotAt)
		out = append(out, h)
		for _, p := range h.s.Parents {
			if children[p]--; children[p] == 0 {
				if up, ok := at[p]; ok {
					heap.Push(&ready, up)
				}
			}
		}
	}
	return out
}

// newest is a heap of snapshots.
type newest []snapshotAt

func (h newest) Len() int      { return len(h) }
func (h newest) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h newest) Less(i, j int) bool {
	a, b := h[i], h[j]
	return a.s.Time > b.s.Time || a.s.Time == b.s.Time && compareID(a.id, b.id) > 0
}
func (h *newest) Push(x any) { *h = append(*h, x.(snapshotAt)) }
func (h *newest) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// history lists all known snapshots.
func (n *Node) history(ctx context.Context, v *vault) (iter.Seq2[snapshotAt, error], error) {
	if err := n.whole(ctx, v); err != nil {
		return nil, err
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return nil, err
	}
	return n.historyOf(ctx, v, heads), nil
}

// historyOf lists what led to some heads.
func (n *Node) historyOf(ctx context.Context, v *vault, heads []object.ID) iter.Seq2[snapshotAt, error] {
	return timeline(func(id object.ID) (object.Snapshot, bool, error) {
		s, err := object.GetSnapshot(ctx, v.repo, id)
		return s, err == nil, err
	}, heads)
}

// historyLeft lists what of that can still be read.
func (n *Node) historyLeft(ctx context.Context, v *vault, heads []object.ID) iter.Seq2[snapshotAt, error] {
	return timeline(func(id object.ID) (object.Snapshot, bool, error) {
		s, err := object.GetSnapshot(ctx, v.repo, id)
		return s, err == nil, ctx.Err()
	}, heads)
}

// span lists what of a timeline of both led to some snapshots and not to
// others. It listens no longer than something of that is to come.
func span(list iter.Seq2[snapshotAt, error], from, to []object.ID) iter.Seq2[snapshotAt, error] {
	return func(yield func(snapshotAt, error) bool) {
		seen, wanted := map[object.ID]bool{}, map[object.ID]bool{} // of what is to come: by one of from; by others alone, as far as is known
		for _, id := range to {
			wanted[id] = true
		}
		see := func(id object.ID) {
			seen[id] = true
			delete(wanted, id)
		}
		for _, id := range from {
			see(id)
		}
		for h, err := range list {
			switch {
			case err != nil:
				yield(h, err)
				return
			case seen[h.id]:
				delete(seen, h.id)
				for _, p := range h.s.Parents {
					see(p)
				}
			case wanted[h.id]:
				delete(wanted, h.id)
				for _, p := range h.s.Parents {
					if !seen[p] {
						wanted[p] = true
					}
				}
				if !yield(h, nil) {
					return
				}
			}
			if len(wanted) == 0 {
				return
			}
		}
	}
}
