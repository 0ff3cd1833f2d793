package node

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"testing"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/repo"
)

// A member wraps keys to this device that are not the vault's, or that it alone
// shares: the vault opens afterwards, and what is written is for all.
func TestRingsOfOtherKeys(t *testing.T) {
	other := func(k keyring.Keys, epoch uint32) keyring.Keys {
		k.Epochs = maps.Clone(k.Epochs)
		e := k.Epochs[epoch]
		e.Data[0] ^= 1
		k.Epochs[epoch] = e
		return k
	}
	for name, c := range map[string]struct {
		forge func(keyring.Keys) []keyring.Keys
		kept  bool
	}{
		"another identity":         {func(k keyring.Keys) []keyring.Keys { k.ID[0] ^= 1; return []keyring.Keys{k} }, false},
		"another key of the epoch": {func(k keyring.Keys) []keyring.Keys { return []keyring.Keys{other(k, 0)} }, false},
		"a newer current epoch": {func(k keyring.Keys) []keyring.Keys {
			one, two := other(k, 7), other(k, 8)
			one.Current, two.Current = 7, 8
			return []keyring.Keys{one, two} // of several one comes before the vault's own
		}, true},
		"two keys of a newer epoch": {func(k keyring.Keys) []keyring.Keys {
			one := other(k, 7)
			two := other(one, 7)
			two.Epochs[7] = keyring.Epoch{Data: [32]byte{2}}
			return []keyring.Keys{one, two}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			n, v, o := lone(t)
			m := &proto.Rings{}
			for _, k := range c.forge(*v.keys) {
				for range 4 { // their order is that of their digests
					m.Rings = append(m.Rings, sealRing(t, v, k, o))
				}
			}
			relay := &session{s: &syncer{n: n, log: n.log}, v: v}
			if err := relay.takeRings(m); err != nil {
				t.Errorf("who passed it on is blamed: %v", err)
			}
			forger := &session{s: &syncer{n: n, log: n.log}, v: v, id: o.id}
			if err := forger.takeRings(m); errors.Is(err, proto.ErrViolation) == c.kept {
				t.Errorf("who made it: %v", err)
			}
			if got := ringsOf(t, v) > 1; got != c.kept {
				t.Errorf("kept: %v", got)
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := Open(t.Context(), Options{Home: n.Home()})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if v, err = again.open(); err != nil {
				t.Fatal(err)
			}
			if v.keys.Current != 0 {
				t.Errorf("what is written is sealed with the keys of epoch %d", v.keys.Current)
			}
		})
	}
}

func sealRing(t *testing.T, v *vault, k keyring.Keys, by *teller) []byte {
	t.Helper()
	chain := object.EncodeChain([]object.Admission{by.admission})
	r, err := keyring.SealRing(&k, v.header, [][32]byte{v.dev.Recipient()}, by.dev.Signing, chain)
	if err != nil {
		t.Fatal(err)
	}
	return r.Encode()
}

func ringsOf(t *testing.T, v *vault) int {
	t.Helper()
	n := 0
	for _, err := range repo.Rings(v.repo.Backend(), v.view.n.log) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// Nobody fills the disk with key rings, and those that are here already are no
// new ones.
func TestRingsAreBounded(t *testing.T) {
	n, v, o := lone(t)
	s := &syncer{n: n, log: n.log}
	x := &session{s: s, v: v}
	chain := object.EncodeChain([]object.Admission{o.admission})
	r, err := keyring.SealRing(v.keys, v.header, nil, o.dev.Signing, chain)
	if err != nil {
		t.Fatal(err)
	}
	long := append(bytes.Clone(r.Body), make([]byte, keyring.MaxRing-len(r.Encode()))...)
	for i := range maxRingBytes/keyring.MaxRing + 3 {
		again := *r
		again.Body, again.Sig = long, nil
		again.Body[len(long)-1] = byte(i)
		again.Sig = ed25519.Sign(o.dev.Signing, append([]byte("bsv/1/ring"), again.Encode()...))
		for range 2 {
			if err := x.takeRings(&proto.Rings{Rings: [][]byte{again.Encode()}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := int64(0)
	for f, err := range v.repo.Backend().List("keys") {
		if err != nil {
			t.Fatal(err)
		}
		size += f.Size
	}
	if size > maxRingBytes || size < maxRingBytes/2 {
		t.Errorf("%d bytes of rings are kept", size)
	}
	if news := s.rings.Load(); news != uint64(ringsOf(t, v)-1) {
		t.Errorf("%d rings, told of %d times", ringsOf(t, v), news)
	}
}

// In a vault of more devices than a ring can be wrapped to one more is admitted.
func TestAdmittedAmongVeryMany(t *testing.T) {
	n, v, o := lone(t)
	s := object.Settings{}.Admit(o.admission)
	var many []object.Admission
	for range keyring.MaxRecipients + 100 {
		d := keyring.NewDevice(v.header)
		many = append(many, object.Admit(v.header.Tag, 0, object.DeviceID(d.ID()), d.Recipient(), o.dev.Signing))
	}
	v.view.join(s.Admit(many...))
	d := keyring.NewDevice(v.header)
	_, ring, err := n.admit(t.Context(), v, object.DeviceID(d.ID()), d.Recipient(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.OpenDevice(d); err != nil {
		t.Error(err)
	}
}

// A vault that can hold no more devices says so, and does not call a device
// admitted that no other one will know.
func TestAdmittedBeyondAllDevices(t *testing.T) {
	n, v, o := lone(t)
	s := object.Settings{}.Admit(o.admission)
	var many []object.Admission
	for len(many) < object.MaxDevices-len(s.Join(v.view.settings).Admissions) {
		d := keyring.NewDevice(v.header)
		many = append(many, object.Admit(v.header.Tag, 0, object.DeviceID(d.ID()), d.Recipient(), o.dev.Signing))
	}
	v.view.join(s.Admit(many...))
	d := keyring.NewDevice(v.header)
	if _, _, err := n.admit(t.Context(), v, object.DeviceID(d.ID()), d.Recipient(), ""); err == nil {
		t.Error("one more device is called admitted")
	}
}
