package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/bsvsync/bsv/internal/durable"
	"github.com/bsvsync/bsv/internal/vfs"
)

// write replaces a file of the home atomically.
func (h *Home) write(name string, data []byte, perm fs.FileMode, point string) error {
	return durable.Write(vfs.OS{}, name, ".tmp", data, perm, h.fault, point)
}

func syncDir(dir string) error { return vfs.OS{}.SyncDir(dir) }

// WriteDeviceKey writes keys/device, the file that makes a directory a home.
func (h *Home) WriteDeviceKey(b []byte) error {
	if err := os.MkdirAll(h.paths.keys(), 0o700); err != nil {
		return fmt.Errorf("write device key: %w", err)
	}
	if err := h.write(h.paths.DeviceKey(), b, 0o600, "home.device"); err != nil {
		return err
	}
	return syncDir(h.paths.Dir)
}

// WriteWords keeps recovery words in the home until their owner moved them.
func (h *Home) WriteWords(words string) error {
	return h.write(h.paths.Words(), []byte(words+"\n"), 0o600, "home.words")
}

// RemoveWords removes what WriteWords wrote: the words were shown.
func (h *Home) RemoveWords() error {
	if err := os.Remove(h.paths.Words()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove recovery words: %w", err)
	}
	return nil
}

// ReadDeviceKey reads keys/device.
func (h *Home) ReadDeviceKey() ([]byte, error) {
	b, err := os.ReadFile(h.paths.DeviceKey())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoHome
	}
	return b, err
}

// Setup is setup.json: what the person set up by commands.
type Setup struct {
	Version  int       `json:"version"`
	Mappings []Mapping `json:"mappings"`
	Peers    []Peer    `json:"peers"`
}

// Mapping joins a virtual path to a directory. Neither need be UTF-8.
type Mapping struct {
	Path string // virtual
	Dir  []byte // absolute
}

// mappingJSON is a mapping in setup.json: bytes are in base64.
type mappingJSON struct {
	Path  string `json:"path,omitempty"`
	Bytes []byte `json:"path_b64,omitempty"` // instead of a path that is no UTF-8
	Dir   []byte `json:"dir"`
}

// MarshalJSON implements json.Marshaler.
func (m Mapping) MarshalJSON() ([]byte, error) {
	j := mappingJSON{Path: m.Path, Dir: m.Dir}
	if !utf8.ValidString(m.Path) {
		j.Path, j.Bytes = "", []byte(m.Path)
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Mapping) UnmarshalJSON(b []byte) error {
	var j mappingJSON
	err := json.Unmarshal(b, &j)
	if m.Path, m.Dir = j.Path, j.Dir; j.Path == "" {
		m.Path = string(j.Bytes)
	}
	return err
}

// Peer is a member that was added by address, under a name.
type Peer struct {
	Name   string   `json:"name"`
	Device string   `json:"device"` // peer id
	Addrs  []string `json:"addrs"`
}

const setupVersion = 1

// SetAsideFile moves a damaged file of the home, or of its repository, durably
// into the directory damaged of the home. It returns the new place, "" where no
// such file is.
func (h *Home) SetAsideFile(name string) (string, error) {
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	dir := filepath.Join(h.paths.Dir, "damaged")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("set aside: %w", err)
	}
	to := filepath.Join(dir, filepath.Base(name))
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", fmt.Errorf("set aside: %w", err)
		}
		to = filepath.Join(dir, fmt.Sprintf("%s-%d", filepath.Base(name), n))
	}
	if err := os.Rename(name, to); err != nil {
		return "", fmt.Errorf("set aside: %w", err)
	}
	return to, errors.Join(syncDir(dir), syncDir(h.paths.Dir), syncDir(filepath.Dir(name)))
}

// HasSetup reports whether there is a setup.json: one that is gone is no empty
// one.
func (h *Home) HasSetup() bool {
	_, err := os.Lstat(h.paths.setup())
	return !errors.Is(err, fs.ErrNotExist)
}

// Setup reads setup.json; no file is an empty one.
func (h *Home) Setup() (Setup, error) {
	b, err := os.ReadFile(h.paths.setup())
	if errors.Is(err, fs.ErrNotExist) {
		return Setup{Version: setupVersion}, nil
	}
	if err != nil {
		return Setup{}, fmt.Errorf("read setup: %w", err)
	}
	var s Setup
	if err := json.Unmarshal(b, &s); err != nil {
		return Setup{}, &DamageError{h.paths.setup(), fmt.Sprintf("what is mapped cannot be read: %v", err),
			fmt.Sprintf("mv %s %[1]s.damaged, then: bsv status tells what was mapped, and how it is mapped again", h.paths.setup())}
	}
	if s.Version > setupVersion {
		return Setup{}, fmt.Errorf("%s: %w", h.paths.setup(), ErrNewer)
	}
	return s, nil
}

// SetSetup replaces setup.json durably.
func (h *Home) SetSetup(s Setup) error {
	s.Version = setupVersion
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write setup: %w", err)
	}
	return h.write(h.paths.setup(), append(b, '\n'), 0o600, "home.setup")
}
