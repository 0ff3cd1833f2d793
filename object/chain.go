package object

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
)

// EncodeChain writes an admission chain: first the one that the admission key
// signed, last the device's own.
func EncodeChain(chain []Admission) []byte {
	b := appendArray(nil, len(chain))
	for _, a := range chain {
		b = append(b, a.Encode()...)
	}
	return b
}

// DecodeChain reads a chain and verifies it from the admission key down to
// the device: every signature, tag and link.
func DecodeChain(b []byte, tag [16]byte, key ed25519.PublicKey) ([]Admission, error) {
	d := &decoder{b: b}
	chain := listOf(d, maxChain, "admissions", d.admission)
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("read admission chain: %w", err)
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("%w: the chain is empty", ErrAdmission)
	}
	by := [32]byte(key)
	for _, a := range chain {
		if a.Tag != tag || a.Admitter != by || a.Generation != chain[0].Generation {
			return nil, fmt.Errorf("%w: the chain to %s is broken", ErrAdmission, a.Device)
		}
		if err := a.Verify(); err != nil {
			return nil, err
		}
		by = a.Device
	}
	return chain, nil
}

// Members returns the admitted devices of a set of admissions, each with a
// shortest chain from the admission key. It depends on the set alone, not on
// its order. Admissions of other vaults, of other generations and without a
// chain of at most 64 admissions count nothing; signatures were checked when
// the admissions were read.
func Members(set []Admission, tag [16]byte, generation uint32, key ed25519.PublicKey) map[DeviceID][]Admission {
	by := map[[32]byte][]Admission{}
	for _, a := range set {
		if a.Tag == tag && a.Generation == generation {
			by[a.Admitter] = append(by[a.Admitter], a)
		}
	}
	out := map[DeviceID][]Admission{}
	level := map[[32]byte][]Admission{[32]byte(key): nil} // admitters, each with its chain
	for range maxChain {
		next := map[[32]byte][]Admission{}
		for admitter, chain := range level {
			for _, a := range by[admitter] {
				if _, ok := out[a.Device]; ok { // nearer to the key, or a circle
					continue
				}
				if have, ok := next[a.Device]; !ok || bytes.Compare(a.Sig[:], have[len(have)-1].Sig[:]) < 0 {
					next[a.Device] = append(slices.Clip(chain), a)
				}
			}
		}
		for d, chain := range next {
			out[d] = chain
		}
		level = next
	}
	return out
}
