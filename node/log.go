package node

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// LogRequest is bsv log.
type LogRequest struct {
	Path   string `json:"path,omitempty" query:"path"`
	Limit  int    `json:"limit,omitempty" query:"limit"`
	Device string `json:"device,omitempty" query:"device"`
	Since  string `json:"since,omitempty" query:"since"`
	Until  string `json:"until,omitempty" query:"until"`
	Range  string `json:"range,omitempty" query:"range"` // "A..B": what led to B and not to A
	Stat   bool   `json:"stat,omitempty" query:"stat"`   // count what each snapshot changed
}

// LogResult lists snapshots, newest first.
type LogResult struct {
	Snapshots []SnapshotInfo `json:"snapshots"`
}

func snapshotInfo(id object.ID, s object.Snapshot) SnapshotInfo {
	i := SnapshotInfo{ID: id.CID(object.KindSnapshot), Root: s.Root.CID(object.KindTree), Parents: []string{}, Device: s.Device.String(),
		Time: stamp(s.Time), Message: s.Message, Files: s.Files, Bytes: s.Bytes}
	for _, p := range s.Parents {
		i.Parents = append(i.Parents, p.CID(object.KindSnapshot))
	}
	return i
}

// Log is bsv log: with a path, the snapshots that changed it.
func (n *Node) Log(ctx context.Context, r LogRequest) (LogResult, error) {
	res := LogResult{Snapshots: []SnapshotInfo{}}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	if r.Limit < 0 {
		return res, fail(Usage, "bsv log -N 10", "%d is no number of snapshots", r.Limit)
	}
	path := ""
	if r.Path != "" {
		if path, err = object.CleanPath(r.Path); err != nil {
			return res, err
		}
	}
	var since, until int64
	if r.Since != "" {
		t, err := parseTime(r.Since, n.now())
		if err != nil {
			return res, err
		}
		since = t.UnixNano()
	}
	if r.Until != "" {
		t, err := parseTime(r.Until, n.now())
		if err != nil {
			return res, err
		}
		until = t.UnixNano()
	}
	dev := r.Device
	if dev != "" {
		id, err := n.deviceNamed(v, dev, "bsv log --device %s")
		if err != nil {
			return res, err
		}
		dev = id.String()
	}
	list, err := n.history(ctx, v)
	if err != nil {
		return res, err
	}
	if r.Range != "" {
		if list, err = n.inRange(ctx, v, r.Range); err != nil {
			return res, err
		}
	}
	ever, devices := false, n.names(v)
	for h, err := range list {
		if err != nil {
			return res, err
		}
		if path != "" {
			changed, there, err := n.changedAt(ctx, v, h.s, path)
			if err != nil {
				return res, err
			}
			ever = ever || there
			if !changed {
				continue
			}
		}
		if dev != "" && h.s.Device.String() != dev || since != 0 && h.s.Time < since || until != 0 && h.s.Time > until {
			continue
		}
		i := snapshotInfo(h.id, h.s)
		i.DeviceName = devices.of(h.s.Device)
		if r.Stat {
			if i.Stat, err = n.changeCount(ctx, v, h.s, path); err != nil {
				return res, err
			}
		}
		res.Snapshots = append(res.Snapshots, i)
		if r.Limit > 0 && len(res.Snapshots) == r.Limit {
			return res, nil
		}
	}
	if path != "" && path != "/" && r.Range == "" && !ever && len(res.Snapshots) == 0 {
		return res, n.neverThere(ctx, v, r.Path, path)
	}
	return res, nil
}

// neverThere is the error that an argument of bsv log is no path that ever was;
// it may be a REF, which log does not take.
func (n *Node) neverThere(ctx context.Context, v *vault, arg, path string) error {
	if !strings.HasPrefix(arg, "/") {
		ref, at, err := parseRef(arg)
		if err == nil && ref != "" && namesPath(arg) {
			return fail(Usage, "bsv log "+quote(at)+"; what it was then: bsv ls -l "+quote(arg), "log takes a path without a REF before it")
		}
		if _, err := n.resolve(ctx, v, arg); err == nil {
			return fail(Usage, "bsv show "+quote(arg)+"; what came after it: bsv log "+quote(arg+".."), "%s is a snapshot; log takes a path or a range A..B", arg)
		}
	}
	return fail(NotFound, "bsv ls /", "%s was never in the vault", path)
}

// inRange lists what led to B and not to A.
func (n *Node) inRange(ctx context.Context, v *vault, ab string) (iter.Seq2[snapshotAt, error], error) {
	a, b, ok, err := parseRange(ab)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail(Usage, "bsv log latest~3..latest", "%q is no range A..B", ab)
	}
	from, err := n.headsOf(ctx, v, a)
	if err != nil {
		return nil, err
	}
	to, err := n.headsOf(ctx, v, b)
	if err != nil {
		return nil, err
	}
	return span(n.historyOf(ctx, v, slices.Concat(from, to)), from, to), nil
}

// headsOf is the snapshot that a REF names, or those that make the state that
// it names.
func (n *Node) headsOf(ctx context.Context, v *vault, ref string) ([]object.ID, error) {
	p, err := n.resolve(ctx, v, ref)
	if err != nil {
		return nil, err
	}
	if !p.snap.IsZero() {
		return []object.ID{p.snap}, nil
	}
	heads, _, err := v.view.H(ctx)
	return heads, err
}

// changeCount counts what a snapshot changed, at or below path unless it is
// empty.
func (n *Node) changeCount(ctx context.Context, v *vault, s object.Snapshot, path string) (*ChangeCount, error) {
	var only []string
	if path != "" {
		only = []string{path}
	}
	d, err := n.diffTrees(ctx, v, s.Base, s.Root, only)
	if err != nil {
		return nil, err
	}
	var c ChangeCount
	for _, x := range d.Changes {
		switch x.Change {
		case "added":
			c.Added++
		case "removed":
			c.Removed++
		case "changed":
			c.Changed++
		default:
			c.Meta++
		}
	}
	return &c, nil
}

// changedAt reports whether a snapshot holds a path otherwise than each of
// its parents does.
func (n *Node) changedAt(ctx context.Context, v *vault, s object.Snapshot, path string) (changed, there bool, err error) {
	e, ok, err := object.LookupPath(ctx, v.repo, s.Root, path)
	if err != nil {
		return false, false, err
	}
	if len(s.Parents) == 0 {
		return ok, ok, nil
	}
	for _, p := range s.Parents {
		ps, err := object.GetSnapshot(ctx, v.repo, p)
		if err != nil {
			return false, false, err
		}
		o, had, err := object.LookupPath(ctx, v.repo, ps.Root, path)
		if err != nil {
			return false, false, err
		}
		if had == ok && (!ok || o == e) {
			return false, ok, nil
		}
	}
	return true, ok, nil
}
