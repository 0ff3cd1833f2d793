package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Errors of mappings.
var (
	// ErrNotMounted: the marker is missing, so nothing may count as deleted.
	ErrNotMounted = errors.New("disk not mounted")
	// ErrForeign: another device's marker stands in the directory.
	ErrForeign = errors.New("mapped by another device")
	// ErrUnread: nothing is known of the directory, and it cannot be read.
	ErrUnread = errors.New("the directory cannot be read")
)

// Mapping joins a virtual path to a directory of this device.
type Mapping struct {
	Path    string // clean virtual path
	Dir     string // absolute
	Device  object.DeviceID
	Exclude []string // local gitignore patterns: never scanned, never applied
	Hidden  []string // absolute directories that are no part of it: bsv's home
	// Unmarked: no mapping, but a directory that a person named as a target.
	Unmarked bool
	FS       vfs.FS // nil: the real one
}

const (
	markerName = ".bsvmap"
	newPrefix  = ".bsv-new-"
	swapPrefix = ".bsv-swap-"
	// recoveredPrefix begins the name of what found its own name taken.
	recoveredPrefix = "recovered-"
)

// reserved reports whether a name in a mapped directory is bsv's own. A marker
// below the root is of another vault's mapping, and no content of this one's.
func reserved(name string) bool {
	return name == markerName || strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, swapPrefix)
}

// isTemp reports whether a name is one that bsv gives what it is about to put
// in place: what else begins like it is a person's.
func isTemp(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && len(rest) == 2*tempBytes && strings.Trim(rest, "0123456789abcdef") == ""
}

// ReservedPath reports whether a path below a mapping goes through a name that
// is bsv's own in mapped directories: it is neither stored from nor written to
// them.
func ReservedPath(path []string) bool {
	return slices.ContainsFunc(path, reserved)
}

// openRoot opens the mapped directory, marked or not. Its own path may go
// through links: the person chose it.
func (m Mapping) openRoot() (vfs.Dir, error) {
	if m.FS == nil {
		return vfs.OS{}.OpenDir(m.Dir)
	}
	return m.FS.OpenDir(m.Dir)
}

// open opens the mapped directory if it is there and ours.
func (m Mapping) open() (vfs.Dir, error) {
	root, err := m.openRoot()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", m.Path, ErrNotMounted, err)
	}
	if m.Unmarked {
		return root, nil
	}
	k, err := readMarker(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%s: %w (no marker in %s)", m.Path, ErrNotMounted, m.Dir)
	case err != nil:
		err = fmt.Errorf("%s: %w: %w", m.Path, ErrNotMounted, err)
	case k.device != m.Device.String():
		err = fmt.Errorf("%s: %s: %w: %s", m.Path, m.Dir, ErrForeign, k.device)
	case !k.of(m):
		err = fmt.Errorf("%s: %w (%s is marked as %s)", m.Path, ErrNotMounted, m.Dir, strconv.Quote(k.path))
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// Holds counts the names of a tree that may be on this disk, and those of them
// that stand in the directory, marked or not.
func (m Mapping) Holds(ctx context.Context, g object.Getter, tree object.ID) (there, of int, err error) {
	root, err := m.openRoot()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %w", m.Path, ErrNotMounted, err)
	}
	names, err := root.Names()
	if err = errors.Join(err, root.Close()); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %w", m.Path, ErrNotMounted, err)
	}
	slices.Sort(names)
	out := m.outside()
	for e, err := range object.Entries(ctx, g, tree, "") {
		if err != nil {
			return 0, 0, err
		}
		if out.name([]string{e.Name}, e.Kind == object.Dir) {
			continue
		}
		of++
		if _, found := slices.BinarySearch(names, e.Name); found {
			there++
		}
	}
	return there, of, nil
}

// Problem is a path that could not be read or written.
type Problem struct {
	Path   string // virtual
	Reason string
	Err    error // the cause; nil for a notice
}

// reason is an error's text without the path, which stands beside it.
func reason(err error) string {
	text := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	if errors.Is(err, syscall.EROFS) {
		text += ": mount it writable, or leave it out on this device with snapshot.exclude"
	}
	return text
}

// outside says which paths are none of the mapping's business.
type outside struct {
	exclude ignoreRules
	hidden  [][]string // components below the mapping
}

func (m Mapping) outside() outside {
	var o outside
	if len(m.Exclude) > 0 {
		o.exclude = parseIgnore(strings.Join(m.Exclude, "\n"))
	}
	for _, h := range m.Hidden {
		if rel, err := filepath.Rel(m.Dir, h); err == nil {
			o.hidden = append(o.hidden, strings.Split(filepath.ToSlash(rel), "/"))
		}
	}
	return o
}

func (o outside) some() bool { return len(o.hidden) > 0 || len(o.exclude.list) > 0 }

// name reports whether a name is outside; its parents are known not to be.
func (o outside) name(path []string, dir bool) bool {
	if slices.ContainsFunc(o.hidden, func(h []string) bool { return slices.Equal(h, path) }) {
		return true
	}
	if len(o.exclude.list) == 0 {
		return false
	}
	ig, found := o.exclude.match(path, dir)
	return ig && found
}

// path reports whether a path or one above it is outside.
func (o outside) path(path []string, dir bool) bool {
	for i := range path {
		if o.name(path[:i+1], dir || i < len(path)-1) {
			return true
		}
	}
	return false
}
