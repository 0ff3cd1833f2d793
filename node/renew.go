package node

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/repo"
)

// What a device needs before it can read its vault (its keys, the header, a
// ring) follows from the recovery words, but for the device's keys, which are
// made anew. What is damaged is moved aside, never deleted.

// wordsHint is the command that renews it.
const wordsHint = "bsv init --key-file FILE, with the vault's recovery words, makes it anew; what is damaged is moved aside"

// unreadable is the error of a key file that is damaged or gone.
func unreadable(file string, err error) *Error {
	text := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		text = "it is gone"
	}
	return &Error{Kind: Damage, Hint: wordsHint, Msg: file + ": " + text, Err: err}
}

// lost reports whether an error of a header or a ring is damage, not the disk's
// trouble nor another vault.
func lost(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, keyring.ErrHeader) || errors.Is(err, keyring.ErrRing)
}

// renewDevice moves damaged device keys aside: what follows is an init.
func (n *Node) renewDevice() error {
	to, err := n.home.SetAsideFile(n.home.Paths().DeviceKey())
	if err == nil {
		n.log.Warn("the keys of this device are damaged: it becomes a new device of the vault", "aside", to)
	}
	return err
}

// renew makes of the recovery words what of keys, header and rings is damaged.
// It reports whether the device's keys were: then an init has to follow.
func (n *Node) renew(dev keyring.Device, words string) (fresh bool, err error) {
	secret, err := keyring.ParseWords(words)
	if err != nil {
		return false, err
	}
	header := secret.Header()
	be := n.backend("init")
	if header.Tag != dev.Tag || !header.Admission.Equal(dev.Admission) {
		if h, err := repo.ReadHeader(be); err == nil && h.Tag == header.Tag {
			return true, n.renewDevice()
		}
		return false, fail(WrongWords, "use another home with --home DIR", "this home belongs to another vault than these words")
	}
	if _, err := repo.ReadHeader(be); err != nil {
		if !lost(err) {
			return false, err
		}
		if err := n.asideHeader(); err != nil {
			return false, err
		}
		if err := repo.Create(be, header); err != nil {
			return false, err
		}
		n.log.Warn("the vault's header is made anew from the recovery words")
	}
	whole, open := false, false
	var damaged []string
	for f, err := range be.List("keys") {
		var b []byte
		if err == nil {
			b, err = be.Read(f.Name, 0, -1)
		}
		if err != nil {
			return false, err
		}
		r, err := keyring.DecodeRing(b)
		if errors.Is(err, keyring.ErrRing) {
			damaged = append(damaged, f.Name)
		}
		if err == nil {
			_, err = r.OpenDevice(dev)
			whole, open = true, open || err == nil
		}
	}
	if whole && !open { // a device has a ring before it has a home
		return true, n.renewDevice()
	}
	if !open {
		ring, err := keyring.SealRing(secret.Keys(), header, [][32]byte{dev.Recipient()}, secret.Admission(), nil)
		if err != nil {
			return false, err
		}
		if err := repo.PutRing(be, ring); err != nil {
			return false, err
		}
		n.log.Warn("the key ring is made anew from the recovery words")
	}
	for _, name := range damaged { // when there is another
		to, err := n.home.SetAsideFile(filepath.Join(n.home.Paths().Repo(), filepath.FromSlash(name)))
		if err != nil {
			return false, err
		}
		n.log.Warn("a damaged key ring is moved aside", "place", to)
	}
	return false, nil
}

// readmit admits this device again, by the recovery words, when what says that it
// is a member is lost. A vault that is not theirs stays as it is: Init tells.
func (n *Node) readmit(words string) error {
	secret, err := keyring.ParseWords(words)
	if err != nil {
		return err
	}
	v := n.vault
	if v.view.isMember(v.id) || secret.Header().Tag != v.header.Tag {
		return nil
	}
	v.view.join(object.Settings{}.Admit(object.Admit(v.header.Tag, 0, v.id, v.dev.Recipient(), secret.Admission())))
	n.log.Warn("this device is admitted again by the recovery words")
	return nil
}

func (n *Node) asideHeader() error {
	to, err := n.home.SetAsideFile(filepath.Join(n.home.Paths().Repo(), repo.HeaderName))
	if err == nil && to != "" {
		n.log.Warn("the damaged header of the vault is moved aside", "place", to)
	}
	return err
}

// ofVault reports whether records or key rings say that a repository without a
// header is of a vault.
func (n *Node) ofVault(be *dir.Backend, tag [16]byte) (bool, error) {
	for r, err := range repo.Rings(be, n.log) {
		if err != nil {
			return false, err
		}
		if r.Tag == tag {
			return true, nil
		}
	}
	for f, err := range be.List("records") {
		var b []byte
		if err == nil {
			b, err = be.Read(f.Name, 0, -1)
		}
		if err != nil {
			return false, fmt.Errorf("read records: %w", err)
		}
		if r, err := object.DecodeRecord(b); err == nil && r.Tag == tag {
			return true, nil
		}
	}
	return false, nil
}
