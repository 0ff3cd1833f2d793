package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// scanOf is the scan of one mapping.
type scanOf struct {
	m            worktree.Mapping
	materialised object.ID
	dirs         map[string]bool // that were looked at; nil: all
	news         bool            // nothing, or not all, was known of what is materialised
	r            worktree.ScanResult
}

// scan scans the mappings: all of them, or the directories of some that dirty
// names. Mappings whose disk is away are left out and paused.
func (n *Node) scan(ctx context.Context, v *vault, g *home.Given, only []string, dirty map[string]map[string]bool) ([]scanOf, []worktree.Problem, error) {
	maps, err := n.mappings(v)
	if err != nil {
		return nil, nil, err
	}
	var out []scanOf
	var bad []worktree.Problem
	for _, m := range maps {
		if len(only) > 0 && !slices.Contains(only, m.Path) {
			continue
		}
		dirs, chosen := dirty[m.Path]
		if dirty != nil && !chosen {
			continue
		}
		mat, known := g.Materialised[m.Path]
		o := worktree.ScanOptions{Mapping: m, Store: v.repo, Memory: n.home.State(), Written: n.written[m.Path], Events: n.emit, Fault: n.fault}
		admit, err := n.readmission(ctx, v, m, known)
		if errors.Is(err, errRules) {
			known = false
		} else if err != nil {
			return nil, nil, err
		}
		if known && admit != nil {
			if o.Base, err = admit.Known(mat); err != nil {
				return nil, nil, err
			}
		} else if known {
			o.Base, o.Dirty = mat, dirs
		}
		r, err := worktree.Scan(ctx, o)
		if err != nil {
			if errors.Is(err, worktree.ErrNotMounted) || errors.Is(err, worktree.ErrForeign) {
				why := whyPaused(m, err)
				n.pause(m.Path, why)
				bad = append(bad, worktree.Problem{Path: m.Path, Reason: why, Err: err})
				continue
			}
			if !errors.Is(err, worktree.ErrUnread) {
				return nil, nil, err
			}
			bad = append(bad, r.Problems...)
			if err := n.noteProblems(m.Path, r.Problems, nil); err != nil {
				return nil, nil, err
			}
			continue // it stays new
		}
		n.pause(m.Path, "")
		bad = append(bad, r.Problems...)
		switch {
		case !known:
			mat, err = n.held(ctx, v, m.Path, r.Tree)
		case admit != nil:
			var roots []object.ID
			if roots, err = n.everAt(ctx, v, m.Path); err == nil {
				mat, err = admit.Held(o.Base, r.Tree, roots)
			}
		}
		if err != nil {
			return nil, nil, err
		}
		out = append(out, scanOf{m, mat, o.Dirty, !known || admit != nil, r})
	}
	return out, bad, nil
}

func (n *Node) pause(path, why string) {
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	if why == "" {
		delete(n.paused, path)
		return
	}
	n.paused[path] = why
}

// whyPaused is an error of a mapping as it stands behind the mapping's path.
func whyPaused(m worktree.Mapping, err error) string {
	return strings.TrimPrefix(err.Error(), m.Path+": ")
}

// taken is what takeSnapshot did.
type taken struct {
	id       object.ID // of the new snapshot; zero when none was needed
	problems []worktree.Problem
	notices  []worktree.Problem // what was left out on purpose
	dirs     uint64
	scans    []scanOf
}

// takeSnapshot scans and, if something differs from what was given to the
// disk, writes a snapshot and publishes it. The caller holds n.work.
func (n *Node) takeSnapshot(ctx context.Context, v *vault, msg string, only []string, dirty map[string]map[string]bool) (taken, error) {
	n.meter.begin("snapshot", 0, 0)
	t, err := n.scanAndStore(ctx, v, msg, only, dirty)
	if err != nil && Explain(err).Kind == NoSpace {
		err = errors.Join(err, v.repo.Rollback())
	}
	if err != nil || only == nil && dirty == nil { // of what failed nobody knows any more what was dirty
		n.note(ctx, workSnapshot, err)
	}
	if err == nil && !t.id.IsZero() {
		n.compact(ctx, v)
	}
	return t, err
}

func (n *Node) scanAndStore(ctx context.Context, v *vault, msg string, only []string, dirty map[string]map[string]bool) (taken, error) {
	var t taken
	if err := v.mayWrite(); err != nil {
		return t, err
	}
	g, err := n.given(ctx, v)
	if err != nil {
		return t, err
	}
	if err := n.publishGiven(ctx, v, g); err != nil { // or this snapshot would be acknowledged without it
		return t, err
	}
	if mends, err := n.mend(ctx, v, false); err != nil {
		return t, n.named(ctx, v, err)
	} else if mends { // what is lost may lie in any of them
		only, dirty = nil, nil
	}
	if dirty == nil { // before the modes that a crash left would read as a person's
		if err := n.recoverSwaps(ctx, v); err != nil {
			return t, err
		}
	}
	if t.scans, t.problems, err = n.scan(ctx, v, &g, only, dirty); err != nil {
		return t, n.named(ctx, v, err)
	}
	if err := n.whole(ctx, v); err != nil { // after the scan: what it read mends what it can
		return t, err
	}
	h, _, err := v.view.H(ctx)
	if err != nil {
		return t, err
	}
	sit := situation(v, g.A, h, t.scans)
	fresh := false
	for _, s := range t.scans {
		t.dirs += s.r.Dirs
		t.notices = append(t.notices, s.r.Notices...)
		fresh = fresh || s.news
	}
	d, err := worktree.Decide(ctx, sit)
	if err != nil {
		return t, err
	}
	accept := func(a []object.ID) error {
		for _, s := range t.scans {
			if err := worktree.Sync(s.m, s.r); err != nil {
				return fmt.Errorf("sync %s: %w", s.m.Dir, err)
			}
			g.Materialised[s.m.Path] = s.r.Tree
		}
		g.A = a
		n.fault.Hit("state.begin")
		if err := n.home.State().SetGiven(g); err != nil {
			return err
		}
		n.fault.Hit("state.written")
		for _, s := range t.scans { // after what they say of: a crash between lets the paths in once more
			if s.news {
				if err := n.keepOutside(s.m); err != nil {
					return err
				}
			}
		}
		return nil
	}
	switch d.Kind {
	case worktree.Nothing:
		if fresh || !g.Known {
			if err := v.repo.Commit(ctx); err != nil {
				return t, err
			}
			if err := accept(g.A); err != nil {
				return t, err
			}
		}
		if slices.ContainsFunc(t.scans, func(s scanOf) bool { return len(s.r.Rows) > 0 }) {
			if err := v.repo.Commit(ctx); err != nil {
				return t, err
			}
		}
	case worktree.Adopt:
		if err := v.repo.Commit(ctx); err != nil {
			return t, err
		}
		if err := accept(h); err != nil {
			return t, err
		}
	case worktree.Write:
		if t.id, err = n.writeSnapshot(ctx, v, d, g.A, msg, accept); err != nil {
			return t, err
		}
	}
	for _, s := range t.scans {
		if err := n.home.State().NoteRows(s.m.Path, s.r.Rows); err != nil {
			return t, err
		}
		delete(n.written, s.m.Path)
		if err := n.noteScan(s.m.Path); err != nil {
			return t, err
		}
		if err := n.noteProblems(s.m.Path, s.r.Problems, s.dirs); err != nil {
			return t, err
		}
	}
	n.loopMu.Lock()
	n.scanned = n.now()
	n.loopMu.Unlock()
	return t, nil
}

// writeSnapshot makes the decided snapshot durable: objects, then what
// accept writes, then the record.
func (n *Node) writeSnapshot(ctx context.Context, v *vault, d worktree.Decision, parents []object.ID, msg string, accept func([]object.ID) error) (object.ID, error) {
	for _, o := range d.New {
		if _, err := v.repo.Put(ctx, o.Kind, o.Plain); err != nil {
			return object.ID{}, err
		}
	}
	s := n.draft(v, d, parents, msg)
	sum, err := object.Summarise(ctx, v.repo, d.Tree)
	if err != nil {
		return object.ID{}, err
	}
	if sum.Bytes > object.MaxBytes { // no device would take it
		return object.ID{}, fmt.Errorf("snapshot: %w: %d bytes, above %d", object.ErrLimit, sum.Bytes, uint64(object.MaxBytes))
	}
	s.Bytes = sum.Bytes
	if s.Files, err = n.countFiles(ctx, v, parents, d.Tree); err != nil {
		return object.ID{}, err
	}
	b, err := object.EncodeSnapshot(s)
	if err != nil {
		return object.ID{}, err
	}
	id, err := v.repo.Put(ctx, object.KindSnapshot, b)
	if err != nil {
		return id, err
	}
	n.fault.Hit("snapshot.built")
	if n.fault.On("record.early") { // the negative control: the record goes first
		if err := n.publishEarly(ctx, v, id); err != nil {
			return id, err
		}
	}
	if err := v.repo.Commit(ctx); err != nil {
		return id, err
	}
	n.fault.Hit("snapshot.committed")
	// Nothing is acknowledged with a hole in it, whatever the scan believed.
	if err := n.noHole(ctx, v, id, d.Tree); err != nil {
		return id, err
	}
	n.unnamed = true // in A, as far as accept gets, and no record names it yet
	if err := accept([]object.ID{id}); err != nil {
		return id, err
	}
	if err := n.publish(ctx, v, id); err != nil {
		return id, err
	}
	n.unnamed = false
	n.Bus.Publish(event.Event{Kind: event.Snapshot, ID: id.CID(object.KindSnapshot), Files: s.Files, Bytes: s.Bytes, Message: msg})
	n.changed()
	return id, n.announce(ctx, v)
}

// printable makes what an operation says of itself a snapshot's message: the
// paths in it may be no UTF-8, and many.
func printable(msg string) string {
	if !utf8.ValidString(msg) {
		var b strings.Builder
		for i, r := range msg {
			if bad := msg[i:]; r == utf8.RuneError && !strings.HasPrefix(bad, "\uFFFD") {
				fmt.Fprintf(&b, `\x%02x`, bad[0])
			} else {
				b.WriteRune(r)
			}
		}
		msg = b.String()
	}
	if len(msg) > maxOwnMessage {
		msg = strings.ToValidUTF8(msg[:maxOwnMessage], "") + " …"
	}
	return msg
}

const maxOwnMessage = 64<<10 - 16

// countFiles counts the files of a tree by what differs from a parent's, whose
// count is known.
func (n *Node) countFiles(ctx context.Context, v *vault, parents []object.ID, tree object.ID) (uint64, error) {
	var base object.ID
	var files int64
	if len(parents) > 0 {
		p, err := object.GetSnapshot(ctx, v.repo, parents[0])
		if err != nil {
			return 0, err
		}
		base, files = p.Root, int64(p.Files)
	}
	for c, err := range object.Diff(ctx, v.repo, base, tree) {
		if err != nil {
			return 0, err
		}
		if c.A != nil && c.A.Kind != object.Dir {
			files--
		}
		if c.B != nil && c.B.Kind != object.Dir {
			files++
		}
	}
	return uint64(max(files, 0)), nil
}

// Snapshot is bsv snapshot.
func (n *Node) Snapshot(ctx context.Context, r SnapshotRequest) (SnapshotResult, error) {
	res := SnapshotResult{Problems: []Problem{}}
	v, err := n.openToChange()
	if err != nil {
		return res, err
	}
	if r.Tag != "" {
		if err := checkName("tag", r.Tag, "bsv snapshot -t before-update"); err != nil {
			return res, err
		}
	}
	if !utf8.ValidString(r.Message) || len(r.Message) > maxOwnMessage {
		return res, fail(Usage, "bsv snapshot -m TEXT", "a message is UTF-8 text of at most %d bytes", maxOwnMessage)
	}
	n.work.Lock()
	defer n.work.Unlock()
	only, err := n.chosen(v, r.Paths)
	if err != nil {
		return res, err
	}
	before := v.repo.Added()
	if r.AcceptDamage && !r.DryRun {
		if _, err := n.mend(ctx, v, true); err != nil && !isDamage(err) {
			return res, err
		}
		if err := n.giveUp(ctx, v); err != nil {
			return res, err
		}
	}
	if r.DryRun {
		return n.dryRun(ctx, v, only)
	}
	stop := n.ahead(ctx, v, only)
	t, err := n.takeSnapshot(ctx, v, r.Message, only, nil)
	stop()
	if err != nil {
		return res, err
	}
	res.Notices = problems(t.notices)
	res.Problems, res.Dirs, res.NewBytes, res.Created = problems(t.problems), t.dirs, v.repo.Added()-before, !t.id.IsZero()
	h, _, err := v.view.H(ctx)
	if err != nil {
		return res, err
	}
	id := t.id
	if id.IsZero() && len(h) > 0 {
		id = h[0]
		if last, ok := v.view.newest(v.id); ok && slices.Contains(h, last.said.Head) {
			id = last.said.Head
		}
	}
	if id.IsZero() {
		return res, nil
	}
	s, err := object.GetSnapshot(ctx, v.repo, id)
	if err != nil {
		return res, err
	}
	if len(v.view.holedHeads()) > 0 { // told of as stored, it must be
		if err := n.filled(ctx, v, s.Root); err != nil {
			return res, err
		}
	}
	res.Snapshot, res.Root = id.CID(object.KindSnapshot), s.Root.CID(object.KindTree)
	res.Files, res.Bytes = s.Files, s.Bytes
	if r.Tag != "" {
		v.view.join(v.view.set(v.id, "tag/"+r.Tag, res.Snapshot, false))
		if err := n.publish(ctx, v, object.ID{}); err != nil {
			return res, err
		}
		n.changed()
	}
	return res, nil
}

func (w *view) set(by object.DeviceID, name, value string, deleted bool) object.Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings.Set(by, name, value, deleted)
}

// chosen checks the mappings that a person named.
func (n *Node) chosen(v *vault, paths []string) ([]string, error) {
	maps, err := n.mappings(v)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		c, err := object.CleanPath(p)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(maps, func(m worktree.Mapping) bool { return m.Path == c }) {
			return nil, fail(NotFound, "bsv map list", "%s is not mapped on this device", c)
		}
		out = append(out, c)
	}
	return out, nil
}

// dryRun counts what a snapshot would store.
func (n *Node) dryRun(ctx context.Context, v *vault, only []string) (SnapshotResult, error) {
	res := SnapshotResult{Problems: []Problem{}}
	defer n.storeNothing(v)()
	g, err := n.given(ctx, v)
	if err != nil {
		return res, err
	}
	scans, bad, err := n.scan(ctx, v, &g, only, nil)
	if err == nil {
		err = n.whole(ctx, v)
	}
	if err != nil {
		return res, n.named(ctx, v, err)
	}
	res.Problems, res.Stat = problems(bad), &ChangeCount{}
	for _, s := range scans {
		if err := res.Stat.addFiles(ctx, v, s.materialised, s.r.Tree); err != nil {
			return res, err
		}
		res.Files += s.r.Files
		res.Bytes += s.r.Bytes
		res.Dirs += s.r.Dirs
		res.Notices = append(res.Notices, problems(s.r.Notices)...)
		res.Created = res.Created || s.r.Tree != s.materialised
	}
	return res, nil
}

// publishEarly writes the record before its packs, for the control of crash
// tests.
func (n *Node) publishEarly(ctx context.Context, v *vault, id object.ID) error {
	w := v.view
	last, ok := w.newest(v.id)
	if !ok {
		return nil
	}
	r, err := object.SealRecord(v.keys, v.dev.Signing, object.Outer{Tag: v.header.Tag, Device: v.id, Incarnation: last.rec.Incarnation, Seq: last.rec.Seq + 1, Prev: last.digest, Epoch: v.keys.Current},
		object.Statement{Time: n.now().UnixNano(), Head: id, Settings: last.said.Settings})
	if err != nil {
		return err
	}
	if err := v.repo.PutRecord(r); err != nil {
		return err
	}
	n.fault.Hit("record.early")
	return nil
}
