package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// Errors of mappings.
var (
	// ErrNotMounted: the marker is missing, so nothing may count as deleted.
	ErrNotMounted = errors.New("disk not mounted")
	// ErrForeign: another device's marker stands in the directory.
	ErrForeign = errors.New("mapped by another device")
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
}

const (
	markerName = ".bsvmap"
	newPrefix  = ".bsv-new-"
	swapPrefix = ".bsv-swap-"
)

// reserved reports whether a name in a mapped directory is bsv's own.
func reserved(name string, root bool) bool {
	return root && name == markerName || strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, swapPrefix)
}

// SetMarker marks the directory as mapped by this device. live says whether
// another device's marker still counts.
func (m Mapping) SetMarker(live func(object.DeviceID) bool) error {
	name := filepath.Join(m.Dir, markerName)
	b, err := os.ReadFile(name)
	if err == nil {
		id, perr := object.ParseDeviceID(strings.TrimSpace(string(b)))
		if perr == nil && id == m.Device {
			return nil
		}
		if perr == nil && live(id) {
			return fmt.Errorf("%s: %w: %s", m.Dir, ErrForeign, id)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read marker: %w", err)
	}
	if err := os.WriteFile(name, []byte(m.Device.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("write marker: %w", err)
	}
	return nil
}

// CheckMarker says whether the mapped directory is there and ours.
func (m Mapping) CheckMarker() error {
	if m.Unmarked {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(m.Dir, markerName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w (no marker in %s)", m.Path, ErrNotMounted, m.Dir)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", m.Path, ErrNotMounted, err)
	}
	if id := strings.TrimSpace(string(b)); id != m.Device.String() {
		return fmt.Errorf("%s: %s: %w: %s", m.Path, m.Dir, ErrForeign, id)
	}
	return nil
}

// RemoveMarker takes the marker away when the mapping ends.
func (m Mapping) RemoveMarker() error {
	if m.CheckMarker() != nil {
		return nil
	}
	return os.Remove(filepath.Join(m.Dir, markerName))
}

// Problem is a path that could not be read or written.
type Problem struct {
	Path   string // virtual
	Reason string
}

// reason is an error's text without the path, which stands beside it.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
