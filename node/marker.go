package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// mapping finds the mapping of a virtual path.
func (n *Node) mapping(v *vault, path string) (worktree.Mapping, error) {
	maps, err := n.mappings(v)
	if err != nil {
		return worktree.Mapping{}, err
	}
	i := slices.IndexFunc(maps, func(m worktree.Mapping) bool { return m.Path == path })
	if i < 0 {
		return worktree.Mapping{}, fail(NotFound, "bsv map list", "%s is not mapped on this device", path)
	}
	return maps[i], nil
}

// live reports whether a device's marker still counts. Revoking is not built:
// no device, of this vault or another, is known to be gone.
func live(object.DeviceID) bool { return true }

// markable says what keeps this device from marking a directory as mapped.
func (n *Node) markable(dir string) error {
	id := object.DeviceID(n.Identity().Public().(ed25519.PublicKey))
	if err := (worktree.Mapping{Dir: dir, Device: id}).Markable(live); err != nil {
		return unmarked(dir, err)
	}
	return nil
}

// unmarked is the error that a directory could not be marked as mapped.
func unmarked(dir string, err error) error {
	switch {
	case errors.Is(err, worktree.ErrForeign):
		return &Error{Kind: Usage, Err: err, Msg: err.Error(), Hint: foreignHint(dir) + ", and run this again; otherwise map another directory: two devices must not share one"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &Error{Kind: NotAuthorised, Err: err, Hint: "make it writable once: chmod u+w " + dir + ", then map it again",
			Msg: fmt.Sprintf("%s cannot be written to, so it cannot be marked as mapped: without a mark an empty mount point would read as everything deleted", dir)}
	}
	return err
}

func foreignHint(dir string) string {
	return "if it is a copy of a mapped directory, or that device maps it no more: rm " + filepath.Join(dir, ".bsvmap")
}

// remark puts the marker of a mapping back that a person has lost. What the
// mapping remembers stays: an edit is an edit, what is missing was deleted. The
// caller holds n.work.
func (n *Node) remark(ctx context.Context, v *vault, r MapRequest) error {
	path, err := object.CleanPath(r.Path)
	if err != nil {
		return err
	}
	m, err := n.mapping(v, path)
	if err != nil {
		return err
	}
	if err := m.CheckMarker(); err == nil || errors.Is(err, worktree.ErrForeign) {
		if err != nil {
			err = unmarked(m.Dir, err)
		}
		return err
	}
	there, of, err := n.holds(ctx, v, m)
	if err != nil {
		return err
	}
	if there == 0 && of > 0 {
		return fail(Failed, awayHint(path), "%s: the disk is not mounted: %s holds nothing of what was in it", path, m.Dir)
	}
	if !r.Yes {
		return fail(Brake, Consent, "%s: %s holds %d of the %s that were in it, and .bsvmap is missing: with it put back, what is not there counts as deleted",
			path, m.Dir, there, count(of, "name"))
	}
	if err := m.SetMarker(live); err != nil {
		return unmarked(m.Dir, err)
	}
	n.pause(path, "")
	return nil
}

// holds counts the names of a mapping's root as it was given to the disk, and
// those of them that stand there, marked or not.
func (n *Node) holds(ctx context.Context, v *vault, m worktree.Mapping) (there, of int, err error) {
	g, err := n.home.State().Given()
	if err != nil {
		return 0, 0, err
	}
	tree, known := g.Materialised[m.Path]
	if !known {
		return 0, 0, nil
	}
	return m.Holds(ctx, v.repo, tree)
}

func awayHint(path string) string { return "mount the disk, or: bsv map remove " + quote(path) }

// pausedHint is what mends a paused mapping.
func (n *Node) pausedHint(ctx context.Context, v *vault, path string) string {
	m, err := n.mapping(v, path)
	if err != nil {
		return awayHint(path)
	}
	again := "bsv map add " + quote(path) + " " + quote(m.Dir)
	if errors.Is(m.CheckMarker(), worktree.ErrForeign) {
		return foreignHint(m.Dir) + ", then: " + again
	}
	if there, of, err := n.holds(ctx, v, m); err != nil || there == 0 && of > 0 {
		return awayHint(path)
	}
	return again + " puts the marker back, if these are its files; otherwise mount the disk"
}
