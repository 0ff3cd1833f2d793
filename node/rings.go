package node

import (
	"errors"
	"fmt"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/repo"
)

// maxRings bounds the key rings that are kept: one for every admission, and
// maxRingBytes their bytes. All are read whenever the vault is opened and a peer
// is met.
const (
	maxRings     = 2 * object.MaxDevices
	maxRingBytes = 16 << 20
)

// takeRings keeps the key rings that are new and agree with what is here.
func (x *session) takeRings(m *proto.Rings) error {
	be := x.v.repo.Backend()
	kept, size, news := 0, 0, false
	var refused error
	for f, err := range be.List("keys") {
		if err != nil {
			return err
		}
		kept, size = kept+1, size+int(f.Size)
	}
	for _, b := range m.GetRings() {
		r, err := keyring.DecodeRing(b)
		if err != nil {
			return fmt.Errorf("%w: %w", proto.ErrViolation, err)
		}
		if r.Tag != x.v.header.Tag {
			return fmt.Errorf("%w: a key ring of another vault", proto.ErrViolation)
		}
		if err := checkSigner(r, x.v.header); err != nil {
			return fmt.Errorf("%w: %w", proto.ErrViolation, err)
		}
		if repo.HasRing(be, r) {
			continue
		}
		if err := x.agrees(r); err != nil {
			if object.DeviceID(r.Signer) == x.id {
				return fmt.Errorf("%w: %w", proto.ErrViolation, err)
			}
			refused = fmt.Errorf("signed by %s: %w", object.DeviceID(r.Signer), err) // whoever passed it on could not look into it
			continue
		}
		if kept, size = kept+1, size+len(b); kept > maxRings || size > maxRingBytes {
			x.s.n.hearsay.warn(x.s.log, "too many key rings", "peer", x.id.String())
			break
		}
		if err := repo.PutRing(be, r); err != nil {
			return err
		}
		news = true
	}
	if refused != nil {
		x.s.n.hearsay.warn(x.s.log, "a key ring is not of this vault", "peer", x.id.String(), "err", refused)
	}
	if news {
		x.s.ringsChanged()
	}
	return nil
}

// agrees checks that the keys of a ring which this device can open are those of
// the vault: with others beside them it would not open any more.
func (x *session) agrees(r *keyring.Ring) error {
	k, err := r.OpenDevice(x.v.dev)
	if errors.Is(err, keyring.ErrNotForUs) {
		return nil
	}
	if err == nil {
		_, err = x.v.keys.Union(k)
	}
	return err
}
