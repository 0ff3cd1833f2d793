package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/repo"
	"github.com/bsvsync/bsv/worktree"
)

// Options of Open.
type Options struct {
	Home  *home.Home
	FS    vfs.FS // of the local repository; nil: the real one
	Log   *slog.Logger
	Fault *fault.Injector
	Now   func() time.Time // nil: the clock
	Words string           // recovery words: what is damaged of keys, header and rings is made anew
}

// Node is one device of a vault. Before a vault exists (a fresh home) only
// Init, Join, Status and Close work.
type Node struct {
	home   *home.Home
	fs     vfs.FS
	log    *slog.Logger
	fault  *fault.Injector
	now    func() time.Time
	Bus    *event.Bus
	meter  meter
	counts fileCounts

	hearsay hearsay

	work      sync.Mutex      // one change of vault or disk at a time
	getting   sync.RWMutex    // held to read while a file is got to a path; taken with work
	unnamed   bool            // a snapshot in A could not be published; under work
	unswapped map[string]bool // mappings in which what an interrupted apply left is not cleaned yet; under work
	told      told            // held with work

	toldBraked map[string]string // mapping → why it waits, as the loop told last; held with work
	said       announced         // held with work
	sound      sound             // held with work

	vaultMu sync.RWMutex    // held while the vault is exchanged by a join
	vault   *vault          // nil in a fresh home
	fresh   *keyring.Device // the keys that a fresh home will have

	netMu sync.Mutex
	net   Network
	sync  *syncer
	pair  *pairing

	suspectMu sync.Mutex
	suspects  []cas.Place // blocks that were found damaged

	loopMu  sync.Mutex
	running bool
	written map[string]*worktree.Written // by mapping: what the last apply wrote
	paused  map[string]string            // mapping → reason
	brake   map[string]waiting           // mapping → why an apply waits for consent
	limited error                        // why watching is incomplete
	failing map[string]error             // what was tried last and failed
	scanned time.Time
	maps    chan struct{} // nil unless Run runs
}

// vault is what a device holds of its vault.
type vault struct {
	dev    keyring.Device
	id     object.DeviceID
	header keyring.Header
	keys   *keyring.Keys
	repo   *repo.Stored
	memo   *merge.Memo
	view   *view

	mergeVersion, writerVersion atomic.Uint32 // that the settings name; 0: the first
}

// writerVersion is the newest version of the format that this program writes.
const writerVersion = 1

// mayWrite is the error that the vault is written by rules which this program
// does not have.
func (v *vault) mayWrite() error {
	if w := v.writerVersion.Load(); w > writerVersion {
		return fmt.Errorf("the vault is written in format %d, this bsv writes %d: %w", w, writerVersion, cas.ErrNewer)
	}
	return nil
}

func (v *vault) env() merge.Env {
	return merge.Env{Get: v.repo, Hash: v.repo.Hasher(), Memo: v.memo, Version: v.mergeVersion.Load()}
}

// Open opens the node of a home.
func Open(ctx context.Context, o Options) (*Node, error) {
	n := &Node{home: o.Home, fs: o.FS, log: o.Log, fault: o.Fault, now: o.Now, Bus: &event.Bus{},
		written: map[string]*worktree.Written{}, unswapped: map[string]bool{}, paused: map[string]string{}, brake: map[string]waiting{}, failing: map[string]error{}}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if n.now == nil {
		n.now = time.Now
	}
	if n.fs == nil {
		n.fs = vfs.OS{}
	}
	fresh, err := o.Home.Fresh()
	if err != nil || fresh {
		return n, err
	}
	b, err := n.home.ReadDeviceKey()
	if err != nil {
		return nil, err
	}
	dev, err := keyring.DecodeDevice(b)
	switch {
	case errors.Is(err, keyring.ErrDevice) && o.Words != "":
		return n, n.renewDevice()
	case errors.Is(err, keyring.ErrDevice):
		return nil, unreadable(n.home.Paths().DeviceKey(), err)
	case err != nil:
		return nil, fmt.Errorf("keys/device: %w", err)
	}
	if err := n.undoJoin(dev); err != nil {
		return nil, err
	}
	v, err := n.openVault(ctx, dev)
	if o.Words != "" && (lost(err) || errors.Is(err, repo.ErrForeignVault)) {
		if fresh, err := n.renew(dev, o.Words); err != nil || fresh {
			return n, err
		}
		v, err = n.openVault(ctx, dev)
	}
	if err != nil {
		return nil, err
	}
	n.vault = v
	if o.Words != "" {
		if err := n.readmit(o.Words); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	n.warnUnmapped()
	if n.home.Writable() != nil {
		return n, nil // what was interrupted waits
	}
	if err := n.settle(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) backend(device string) *dir.Backend {
	return dir.New(n.fs, n.home.Paths().Repo(), device, n.fault)
}

func (n *Node) openVault(ctx context.Context, dev keyring.Device) (*vault, error) {
	v := &vault{dev: dev, id: object.DeviceID(dev.ID()), memo: merge.NewMemo()}
	be := n.backend(fmt.Sprintf("%x", v.id[:6]))
	readOnly := n.home.Writable() != nil
	if !readOnly {
		if err := be.Sweep(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open repository: %w", err)
		}
	}
	var err error
	if v.header, err = repo.ReadHeader(be); err != nil {
		if lost(err) {
			err = unreadable(filepath.Join(n.home.Paths().Repo(), repo.HeaderName), err)
		}
		return nil, err
	}
	if v.header.Tag != dev.Tag || !v.header.Admission.Equal(dev.Admission) {
		return nil, &Error{Kind: WrongWords, Err: repo.ErrForeignVault, Msg: "the repository's header is not that of the vault that keys/device names: one of the two is damaged, or of another home",
			Hint: "bsv init --key-file FILE, with the vault's recovery words, makes keys/device anew; or use another home with --home DIR"}
	}
	for r, err := range repo.Rings(be, n.log) {
		if err != nil {
			return nil, err
		}
		k, err := n.openRing(v, r)
		if errors.Is(err, keyring.ErrNotForUs) {
			continue
		}
		if err != nil {
			n.log.Warn("key ring", "err", err)
			continue
		}
		if v.keys == nil {
			v.keys = k
			continue
		}
		switch u, err := v.keys.Union(k); {
		case errors.Is(err, keyring.ErrEpochs): // what is sealed with the keys that are passed over cannot be read: it is somebody's who has cheated
			n.log.Warn("key ring", "signer", object.DeviceID(r.Signer).String(), "err", err)
		case err != nil:
			return nil, err
		default:
			v.keys = u
		}
	}
	if v.keys == nil {
		return nil, unreadable(filepath.Join(n.home.Paths().Repo(), "keys"), fmt.Errorf("no key ring of the vault opens: %w", keyring.ErrRing))
	}
	v.repo, err = repo.Open(ctx, repo.Options{Backend: be, Index: n.home.Paths().Index(), Keys: v.keys, Device: v.id,
		Compression: n.home.Config().Snapshot.Compression, ReadOnly: readOnly, Log: n.log, Fault: n.fault, Forgotten: n.suspect})
	if err != nil {
		return nil, err
	}
	if err := n.lookAgain(ctx, v); err != nil {
		return nil, errors.Join(err, v.repo.Close())
	}
	if v.view, err = loadView(ctx, n, v); err != nil {
		return nil, errors.Join(err, v.repo.Close())
	}
	return v, nil
}

// aside is the suffix under which a vault's repository is set aside.
func aside(tag [16]byte) string { return fmt.Sprintf("%x", tag[:8]) }

// undoJoin takes the repository back that an interrupted join has set aside.
// The device key is written last, so it says whose home this is.
func (n *Node) undoJoin(dev keyring.Device) error {
	h, err := repo.ReadHeader(n.backend("join"))
	if err == nil && h.Tag == dev.Tag || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // what is wrong otherwise is told by whoever opens it
	}
	back, err := n.home.TakeBack(aside(dev.Tag))
	if back {
		n.log.Warn("a join was interrupted: this device is in its own vault as before")
	}
	return err
}

// openRing checks that a ring's signer was admitted, and opens it.
func (n *Node) openRing(v *vault, r *keyring.Ring) (*keyring.Keys, error) {
	if r.Tag != v.dev.Tag {
		return nil, fmt.Errorf("%w: of another vault", keyring.ErrRing)
	}
	if err := checkSigner(r, v.header); err != nil {
		return nil, err
	}
	return r.OpenDevice(v.dev)
}

func checkSigner(r *keyring.Ring, h keyring.Header) error {
	if r.Signer == [32]byte(h.Admission) {
		return nil
	}
	chain, err := object.DecodeChain(r.Chain, h.Tag, h.Admission)
	if err != nil {
		return err
	}
	if chain[len(chain)-1].Device != object.DeviceID(r.Signer) {
		return fmt.Errorf("%w: signed by another device than its chain says", keyring.ErrRing)
	}
	return nil
}

// Close ends the node; the home stays open.
func (n *Node) Close() error {
	n.StopNetwork()
	n.work.Lock()
	defer n.work.Unlock()
	n.vaultMu.Lock()
	defer n.vaultMu.Unlock()
	if n.vault == nil {
		return nil
	}
	err := n.vault.repo.Close()
	n.vault = nil
	return err
}

// open returns the vault, or the error that there is none.
func (n *Node) open() (*vault, error) {
	n.vaultMu.RLock()
	defer n.vaultMu.RUnlock()
	if n.vault == nil {
		return nil, fmt.Errorf("%s: %w", n.home.Paths().Dir, home.ErrNoHome)
	}
	return n.vault, nil
}

// openToChange is open for what changes the vault, this device or its disk.
func (n *Node) openToChange() (*vault, error) {
	if err := n.home.Writable(); err != nil {
		return nil, err
	}
	return n.open()
}

// HasVault reports whether the home belongs to a vault.
func (n *Node) HasVault() bool {
	_, err := n.open()
	return err == nil
}

// Device is this device's id and its signing key; an error in a fresh home.
func (n *Node) Device() (object.DeviceID, ed25519.PrivateKey, error) {
	v, err := n.open()
	if err != nil {
		return object.DeviceID{}, nil, err
	}
	return v.id, v.dev.Signing, nil
}

// Home is the home of the node.
func (n *Node) Home() *home.Home { return n.home }

// InitRequest is bsv init.
type InitRequest struct {
	Dirs  []string `json:"dirs,omitempty"` // DIR or VPATH=DIR
	Name  string   `json:"name,omitempty"` // of this device, which has another one until now
	Mode  string   `json:"mode,omitempty"`
	Words string   `json:"words,omitempty"` // recovery words of the vault; empty: a new one
}

// InitResult is what bsv init made or found.
type InitResult struct {
	Device string `json:"device"`
	Vault  string `json:"vault"`
	Words  string `json:"words,omitempty"`
}

// Init makes the vault, or tells of the one that is there, and maps
// directories.
func (n *Node) Init(ctx context.Context, r InitRequest) (InitResult, error) {
	var res InitResult
	switch r.Mode {
	case "", "full":
	case "meta":
		return res, fail(Usage, "bsv init --mode full", "mode %q: metadata-only repositories are not built yet", r.Mode)
	default:
		return res, fail(Usage, "bsv init --mode full", "there is no mode %q", r.Mode)
	}
	if err := n.checkMaps(asMapped(r.Dirs)); err != nil { // before anything is made
		return res, err
	}
	if r.Name != "" || !n.HasVault() {
		if err := n.mayBeNamed(r.Name); err != nil {
			return res, err
		}
	}
	if err := n.home.Writable(); err != nil {
		return InitResult{}, err
	}
	n.work.Lock()
	defer n.work.Unlock()
	if !n.HasVault() {
		words, err := n.create(ctx, r)
		if err != nil {
			return res, err
		}
		res.Words = words
	} else if r.Words != "" {
		secret, err := keyring.ParseWords(r.Words)
		if err != nil {
			return res, err
		}
		if v, _ := n.open(); v != nil && secret.Header().Tag != v.header.Tag {
			return res, fail(WrongWords, "use another home with --home DIR", "this home belongs to another vault than these words")
		}
	}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	res.Device, res.Vault = v.id.String(), fmt.Sprintf("%x", v.header.Tag)
	if err := n.rename(ctx, v, r.Name); err != nil {
		return res, err
	}
	for _, d := range r.Dirs {
		if err := n.mapDir(ctx, v, d); err != nil {
			return res, err
		}
	}
	return res, nil
}

// create makes keys, header, ring and the first record. The device key is
// written last: before that there is no home. New recovery words wait in the
// home until they are shown.
func (n *Node) create(ctx context.Context, r InitRequest) (string, error) {
	var secret keyring.Secret
	words := ""
	if r.Words != "" {
		var err error
		if secret, err = keyring.ParseWords(r.Words); err != nil {
			return "", err
		}
	} else {
		secret = keyring.NewSecret()
		words = secret.Words()
	}
	if err := n.makeRoom(secret.Header().Tag, r.Words != ""); err != nil {
		return "", err
	}
	// Before there is a home: a vault whose words nobody has seen must not
	// come to be. Who shows them removes the file.
	if words != "" {
		if err := n.home.WriteWords(words); err != nil {
			return "", err
		}
	} else if err := n.home.RemoveWords(); err != nil { // of an init that did not end
		return "", err
	}
	header := secret.Header()
	dev := keyring.NewDevice(header)
	if n.fresh != nil { // the network knows it already
		dev.Signing, dev.Wrapping = n.fresh.Signing, n.fresh.Wrapping
	}
	id := object.DeviceID(dev.ID())
	adm := object.Admit(header.Tag, 0, id, dev.Recipient(), secret.Admission())
	ring, err := keyring.SealRing(secret.Keys(), header, [][32]byte{dev.Recipient()}, secret.Admission(), nil)
	if err != nil {
		return "", err
	}
	v, err := n.found(ctx, dev, header, ring, object.Settings{}.Admit(adm), r.Name)
	if err != nil {
		return "", err
	}
	n.vaultMu.Lock()
	n.vault = v
	n.vaultMu.Unlock()
	return words, nil
}

// found writes a device's own part of a vault into an empty repository and
// opens it. The device key is written when all that a member needs is durable:
// it says whose home this is.
func (n *Node) found(ctx context.Context, dev keyring.Device, header keyring.Header, ring *keyring.Ring, settings object.Settings, name string) (*vault, error) {
	be := n.backend("init")
	if err := repo.Create(be, header); err != nil {
		return nil, err
	}
	if err := repo.PutRing(be, ring); err != nil {
		return nil, err
	}
	v, err := n.openVault(ctx, dev)
	if err != nil {
		return nil, err
	}
	settings = settings.Set(v.id, "name/"+v.id.String(), n.deviceName(name), false)
	v.view.join(settings)
	err = n.publish(ctx, v, object.ID{})
	if err == nil {
		err = n.home.WriteDeviceKey(dev.Encode())
	}
	if err != nil {
		return nil, errors.Join(err, v.repo.Close())
	}
	return v, nil
}

// abs makes a local path absolute; commands do it before, so that the node's
// own directory never matters.
func abs(dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		return "", fail(Usage, "", "%q is not an absolute path", dir)
	}
	return filepath.Clean(dir), nil
}
