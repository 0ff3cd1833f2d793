package home

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// maxSocketPath is the longest socket path in bytes that is used: macOS allows
// 103, Linux 107.
const maxSocketPath = 100

// DialPath is where a command looks for the owner's API: what the lock file
// names, otherwise the place that an owner with this environment would use.
// The file need not exist. It is empty when somebody else made the place, as
// anybody can in a shared temporary directory: what answers there would be told
// recovery words and tickets.
func DialPath(p Paths, getenv func(string) string) string {
	path, _ := socketPath(p, getenv)
	if o := ReadOwner(p); o.Socket != "" {
		path = o.Socket
	}
	dir := filepath.Dir(path)
	if dir == filepath.Clean(p.Dir) {
		return path
	}
	fi, err := os.Lstat(dir)
	if err != nil || !fi.IsDir() {
		return ""
	}
	if ownedByUs(fi) {
		return path
	}
	made, known := AccountOf(dir)
	of, ok := AccountOf(p.Dir) // an administrator may ask the node of somebody else's home
	if !known || !ok || made.UID != of.UID {
		return ""
	}
	return path
}

// socketPath is home/bsv.sock, or for a home with a long path a file in the
// person's runtime directory. own is the directory that bsv has to make and
// to guard itself; it is empty for the home.
func socketPath(p Paths, getenv func(string) string) (path, own string) {
	if path = filepath.Join(p.Dir, "bsv.sock"); len(path) <= maxSocketPath {
		return path, ""
	}
	sum := sha256.Sum256([]byte(p.Dir))
	name := hex.EncodeToString(sum[:8]) + ".sock"
	run := getenv("XDG_RUNTIME_DIR")
	if filepath.IsAbs(run) {
		own = filepath.Join(run, "bsv")
	} else {
		own = filepath.Join(os.TempDir(), "bsv-"+strconv.Itoa(os.Getuid()))
	}
	return filepath.Join(own, name), own
}

// SocketPath prepares the place of the owner's socket, names it in the lock
// file and returns it. What a dead owner left there is removed; Close removes
// what the caller puts there.
func (h *Home) SocketPath(getenv func(string) string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock == nil {
		return "", ErrClosed
	}
	path, own := socketPath(h.paths, getenv)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("%s: longer than %d bytes, set XDG_RUNTIME_DIR to a shorter directory: %w", path, maxSocketPath, ErrSocketPath)
	}
	if own != "" {
		if err := privateDir(own); err != nil {
			return "", err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("remove old socket: %w", err)
	}
	h.owner.Socket = path
	if err := writeOwner(h.lock, h.owner); err != nil {
		return "", fmt.Errorf("name socket in lock: %w", err)
	}
	h.socket = path
	return path, nil
}

// privateDir makes a directory for this user alone, or checks that the one
// found there is: in a shared temporary directory somebody else may have been
// first.
func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make socket directory: %w", err)
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	if !fi.IsDir() || !ownedByUs(fi) {
		return fmt.Errorf("%s is not a directory of this user: %w", dir, ErrSocketPath)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("socket directory: %w", err)
		}
	}
	return nil
}
