package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bsvsync/bsv/internal/boltfile"
	"github.com/bsvsync/bsv/internal/fault"
)

// Options of Open. The zero value opens an existing home without waiting.
type Options struct {
	Create  bool          // make the directory when there is no home
	Wait    time.Duration // how long to wait for another owner to finish
	Command string        // how the owner is named to others ("bsv node")
	AnyUser bool          // root may write into the home of another account
	Log     *slog.Logger  // nil: silent
	Fault   *fault.Injector
}

// Home is an open home; who has it owns the home's store.
type Home struct {
	paths  Paths
	config Config
	state  *State
	log    *slog.Logger
	fault  *fault.Injector

	readOnly bool // its file system is

	mu     sync.Mutex // guards what follows
	lock   *os.File   // nil once closed
	owner  Owner
	socket string // the prepared socket path, removed by Close
}

// formatText is the text of the format file; the number is the version of the
// home's layout.
const (
	formatPrefix  = "bsv home "
	formatVersion = 1
)

// Open takes the home's lock, reads its configuration and opens its state.
// Without Options.Create a directory that holds no device key is ErrNoHome;
// with it the directory is made, and Home.Fresh tells that nobody has written
// a device key yet; ErrNoKeys matches too where a repository is left that no
// recovery words in the home speak of. Other errors: ErrBusy (with the owner), ErrConfig,
// ErrNewer, an AccountError, or the file system's. A home on a read-only file system opens, and
// is not Writable.
func Open(ctx context.Context, p Paths, o Options) (*Home, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	exists, err := p.Exists()
	if err != nil {
		return nil, err
	}
	if !exists && !o.Create {
		return nil, p.noHome()
	}
	config, err := ReadConfig(p)
	if err != nil {
		return nil, err
	}
	if !exists {
		if err := os.MkdirAll(p.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make home: %w", err)
		}
	}
	if !o.AnyUser {
		if err := checkAccount(p, o.Command); err != nil {
			return nil, err
		}
	}
	owner := Owner{PID: os.Getpid(), Since: time.Now(), Command: o.Command}
	lock, readOnly, err := lockHome(ctx, p, owner, o.Wait)
	if err != nil {
		return nil, err
	}
	h := &Home{paths: p, config: config, log: log, fault: o.Fault, readOnly: readOnly, lock: lock, owner: owner}
	if err := h.open(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	for _, k := range config.Idle {
		log.Debug("configuration key has no effect in this version", "key", k, "file", p.Config)
	}
	return h, nil
}

// open does what needs the lock.
func (h *Home) open() error {
	if err := h.checkFormat(); err != nil {
		return err
	}
	open := openState
	if h.readOnly {
		open = readState
	}
	state, err := open(h.paths.state(), h.log)
	if err != nil {
		return err
	}
	h.state = state
	return nil
}

// checkFormat reads the format file, or writes it into a home that has none.
func (h *Home) checkFormat() error {
	b, err := os.ReadFile(h.paths.format())
	if errors.Is(err, fs.ErrNotExist) && h.readOnly {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return h.write(h.paths.format(), fmt.Appendf(nil, "%s%d\n", formatPrefix, formatVersion), 0o644, "home.format")
	}
	if err != nil {
		return fmt.Errorf("read home format: %w", err)
	}
	num, ok := strings.CutPrefix(strings.TrimSpace(string(b[:min(len(b), 64)])), formatPrefix)
	n, err := strconv.ParseUint(num, 10, 32)
	switch {
	case !ok || err != nil || n == 0:
		return &DamageError{h.paths.format(), "not the format of a bsv home", "it holds nothing but a version: rm " + h.paths.format() + ", and bsv writes it anew"}
	case n > formatVersion:
		return fmt.Errorf("home %s has format %d, this bsv knows up to %d: %w", h.paths.Dir, n, formatVersion, ErrNewer)
	}
	return nil
}

// Writable is the error that the home lies on a read-only file system, as when
// its disk is failing: then it can be read, and nothing else.
func (h *Home) Writable() error {
	if h.readOnly {
		return fmt.Errorf("nothing can be changed in %s: %w", h.paths.Dir, ErrReadOnly)
	}
	return nil
}

// Paths returns the places of the home.
func (h *Home) Paths() Paths { return h.paths }

// Config returns the configuration as read by Open.
func (h *Home) Config() Config { return h.config }

// State returns the home's state; it is closed with the home.
func (h *Home) State() *State { return h.state }

// Fresh reports whether the home has no device key yet.
func (h *Home) Fresh() (bool, error) {
	exists, err := h.paths.Exists()
	return !exists, err
}

// SetAside renames the local repository to repo.<suffix>, so that a joined
// vault's can take its place, and drops the disposable index and the state
// that spoke of it. Recovery words that lie in the home are the repository's:
// they go along, into its directory. It returns the new place. A name that is
// taken gets a number. Nothing is deleted that cannot be made again.
func (h *Home) SetAside(suffix string) (string, error) {
	to, err := h.setAside(suffix)
	if err != nil {
		return "", err
	}
	if err := h.moveWords(h.paths.Words(), h.paths.wordsIn(to)); err != nil {
		return "", fmt.Errorf("set repository aside: %w", err)
	}
	h.fault.Hit("home.aside.words")
	return to, nil
}

// moveWords moves recovery words durably, if they are there.
func (h *Home) moveWords(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil { // first where they are now: between the two they lie in both
		err = errors.Join(syncDir(filepath.Dir(to)), syncDir(filepath.Dir(from)))
	}
	return err
}

func (h *Home) setAside(suffix string) (string, error) {
	if suffix == "" || strings.ContainsAny(suffix, `/\`) {
		return "", fmt.Errorf("set repository aside: bad suffix %q", suffix)
	}
	to := h.paths.Repo() + "." + suffix
	for n := 2; ; n++ {
		_, err := os.Lstat(to)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("set repository aside: %w", err)
		}
		to = fmt.Sprintf("%s.%s-%d", h.paths.Repo(), suffix, n)
	}
	if err := os.Rename(h.paths.Repo(), to); err != nil {
		return "", fmt.Errorf("set repository aside: %w", err)
	}
	h.fault.Hit("home.aside.renamed")
	if err := boltfile.Remove(h.paths.Index()); err != nil {
		return "", fmt.Errorf("set repository aside: %w", err)
	}
	return to, syncDir(filepath.Dir(to))
}

// TakeBack undoes the newest SetAside with this suffix: an exchange of the
// repository did not come to its end. What took its place meanwhile is set
// aside as unfinished. It reports whether there was something to take back.
// Interrupted, it goes on when it is called again.
func (h *Home) TakeBack(suffix string) (bool, error) {
	from := ""
	for n := 1; ; n++ {
		name := h.paths.Repo() + "." + suffix
		if n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		_, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return false, fmt.Errorf("take repository back: %w", err)
		}
		from = name
	}
	if from == "" {
		return false, nil
	}
	if _, err := os.Lstat(h.paths.Repo()); err == nil {
		if _, err := h.setAside("unfinished"); err != nil { // without the words, which are the other's
			return false, err
		}
	}
	if err := h.moveWords(h.paths.wordsIn(from), h.paths.Words()); err != nil {
		return false, fmt.Errorf("take repository back: %w", err)
	}
	h.fault.Hit("home.back.words")
	if err := os.Rename(from, h.paths.Repo()); err != nil {
		return false, fmt.Errorf("take repository back: %w", err)
	}
	return true, syncDir(h.paths.Dir)
}

// Close gives the home up: the socket goes first, the lock last. A second
// Close does nothing.
func (h *Home) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock == nil {
		return nil
	}
	var errs []error
	if h.socket != "" {
		if err := os.Remove(h.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if h.state != nil {
		if err := h.state.Keep(); err != nil {
			h.log.Warn("state.db: what was noted last is lost, and will be looked at again", "err", err)
		}
		if err := h.state.db.Damage(); err != nil {
			h.log.Warn("state.db is damaged: set aside, and the next start begins a new one", "err", err, "aside", aside(h.paths.state()), "hint", afterLoss)
		}
		errs = append(errs, h.state.Close())
	}
	errs = append(errs, h.lock.Close())
	h.lock = nil
	return errors.Join(errs...)
}
