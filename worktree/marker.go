package worktree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// maxMarker bounds a marker file in bytes.
const maxMarker = 4*object.MaxPath + 1<<10

// marker is what the file says: the device, and on a second line, quoted, the
// virtual path that the directory is mapped as, so that two disks which stand in each
// other's place are told apart.
type marker struct{ device, path string }

func (k marker) String() string { return k.device + "\n" + strconv.Quote(k.path) + "\n" }

// of reports whether a marker of the device is that of a mapping. One that names
// no path is that of any.
func (k marker) of(m Mapping) bool { return k.path == "" || k.path == m.Path }

func readMarker(root vfs.Dir) (marker, error) {
	f, err := root.Open(markerName)
	if err != nil {
		return marker{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxMarker))
	device, path, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	k := marker{device: strings.TrimSpace(device)}
	if p, uerr := strconv.Unquote(strings.TrimSpace(path)); uerr == nil {
		k.path = p
	}
	return k, errors.Join(err, f.Close())
}

// SetMarker marks the directory as mapped by this device, durably. live says
// whether another device's marker still counts. A link at the marker's name is
// replaced, not followed.
func (m Mapping) SetMarker(live func(object.DeviceID) bool) error {
	root, err := m.openRoot()
	if err != nil {
		return fmt.Errorf("mark %s: %w", m.Dir, err)
	}
	return errors.Join(m.setMarker(root, live), root.Close())
}

// Markable says whether SetMarker would refuse the directory: ErrForeign, or
// fs.ErrPermission where nothing can be written. It changes nothing.
func (m Mapping) Markable(live func(object.DeviceID) bool) error {
	root, err := m.openRoot()
	if err != nil {
		return fmt.Errorf("mark %s: %w", m.Dir, err)
	}
	ours, err := m.ours(root, live)
	if err == nil && !ours && !root.Writable() {
		err = fmt.Errorf("mark %s: %w", m.Dir, fs.ErrPermission)
	}
	return errors.Join(err, root.Close())
}

// ours reports whether the mapping's own marker stands in the directory; no marker,
// another mapping's of this device, or one that counts no more, is no error.
func (m Mapping) ours(root vfs.Dir, live func(object.DeviceID) bool) (bool, error) {
	k, err := readMarker(root)
	switch {
	case err == nil:
		id, perr := object.ParseDeviceID(k.device)
		if perr == nil && id == m.Device {
			return k.of(m), nil
		}
		if perr == nil && live(id) {
			return false, fmt.Errorf("%s: %w: %s", m.Dir, ErrForeign, id)
		}
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, vfs.ErrNotFile):
		return false, fmt.Errorf("read marker: %w", err)
	}
	return false, nil
}

func (m Mapping) setMarker(root vfs.Dir, live func(object.DeviceID) bool) error {
	if ours, err := m.ours(root, live); err != nil || ours {
		return err
	}
	temp := tempName(newPrefix)
	f, err := root.Create(temp)
	if err == nil {
		_, err = f.Write([]byte(marker{m.Device.String(), m.Path}.String()))
		err = errors.Join(err, f.Chmod(0o644))
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err == nil {
			err = root.Rename(temp, markerName)
		}
		if err != nil {
			err = errors.Join(err, root.Remove(temp))
		}
	}
	if err == nil {
		err = root.Sync()
	}
	if err != nil {
		return fmt.Errorf("write marker: %w", err)
	}
	return nil
}

// CheckMarker says whether the mapped directory is there and ours.
func (m Mapping) CheckMarker() error {
	if m.Unmarked {
		return nil
	}
	root, err := m.open()
	if err != nil {
		return err
	}
	return root.Close()
}

// RemoveMarker takes the marker away when the mapping ends.
func (m Mapping) RemoveMarker() error {
	root, err := m.open()
	if err != nil {
		return nil // not there, or not ours
	}
	return errors.Join(root.Remove(markerName), root.Sync(), root.Close())
}
