package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bsvsync/bsv/repo"
)

// mustClear reports whether the repository of a home without keys is what an
// init or a join that did not end left there of another vault than tag's. One
// that was in use is an error: it is somebody's backup.
func (n *Node) mustClear(tag [16]byte, withWords bool) (bool, error) {
	p := n.home.Paths()
	if _, err := os.Lstat(p.Repo()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return false, err
	}
	be := n.backend("init")
	h, err := repo.ReadHeader(be)
	if err == nil && h.Tag == tag {
		return false, nil
	}
	if withWords && lost(err) {
		if of, err := n.ofVault(be, tag); err != nil || of {
			return false, errors.Join(err, n.asideHeader()) // who made room writes another
		}
	}
	used, err := repo.Used(be)
	if err != nil || !used {
		return err == nil, err
	}
	if withWords {
		return false, fail(WrongWords, "use another home with --home DIR", "%s holds the repository of another vault than these words", p.Dir)
	}
	file := "FILE"
	if _, err := os.Lstat(p.Words()); err == nil {
		file = p.Words()
	}
	return false, fail(WrongWords, "bsv init --key-file "+quote(file)+", with the vault's recovery words; or use another home: --home DIR",
		"%s holds the repository of a vault, and the keys of this device (%s) are gone", p.Dir, p.DeviceKey())
}

// makeRoom sets aside what mustClear reports.
func (n *Node) makeRoom(tag [16]byte, withWords bool) error {
	clear, err := n.mustClear(tag, withWords)
	if err != nil || !clear {
		return err
	}
	to, err := n.home.SetAside("unfinished")
	if err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	n.log.Warn("an init or join did not end: what it made is set aside", "place", to)
	return nil
}
