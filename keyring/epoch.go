package keyring

import (
	"errors"
	"fmt"
	"maps"
)

// Epoch is one generation of a vault's working keys.
type Epoch struct {
	Data       [32]byte // seals blocks
	Record     [32]byte // seals the inner part of records
	Member     [32]byte // proves membership in HELLO
	Rendezvous [32]byte // derives names under which devices find each other
}

// Keys is all that a running device needs of its vault's secrets. It is
// immutable: Union returns a new value.
type Keys struct {
	Tag       [16]byte
	ID        [32]byte // K_id: ids of objects
	Split     [32]byte // K_split: ends of nodes
	ChunkSeed [32]byte // seed of the chunker's polynomial
	Epochs    map[uint32]Epoch
	Current   uint32 // the epoch that writers use
}

// Epoch returns the keys of one epoch.
func (k *Keys) Epoch(n uint32) (Epoch, error) {
	e, ok := k.Epochs[n]
	if !ok {
		return Epoch{}, fmt.Errorf("no key of epoch %d: fetch the vault's newer key rings", n)
	}
	return e, nil
}

// ErrEpochs is what Union returns for two different keys of one epoch.
var ErrEpochs = errors.New("two different keys of one epoch")

// Union returns keys with the epochs of both. Writers stay with the older current
// one: whoever wraps keys of a newer epoch to one device alone must not have it
// write what no other can read. The identity keys must be the same: one vault has
// one.
func (k *Keys) Union(o *Keys) (*Keys, error) {
	if k.Tag != o.Tag || k.ID != o.ID || k.Split != o.Split || k.ChunkSeed != o.ChunkSeed {
		return nil, fmt.Errorf("unite keys: they belong to different vaults")
	}
	u := *k
	u.Current = min(k.Current, o.Current)
	u.Epochs = maps.Clone(k.Epochs)
	for n, e := range o.Epochs {
		if have, ok := u.Epochs[n]; ok && have != e {
			return nil, fmt.Errorf("unite keys: %w: %d", ErrEpochs, n)
		}
		u.Epochs[n] = e
	}
	return &u, nil
}
