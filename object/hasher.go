package object

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Hasher computes ids and split decisions with the vault's two identity keys.
// It is safe for concurrent use.
type Hasher struct{ ids, splits sync.Pool }

// NewHasher returns a Hasher for K_id and K_split.
func NewHasher(idKey, splitKey [32]byte) *Hasher {
	return &Hasher{
		ids:    sync.Pool{New: func() any { return &mac{h: hmac.New(sha256.New, idKey[:])} }},
		splits: sync.Pool{New: func() any { return &mac{h: hmac.New(sha256.New, splitKey[:])} }},
	}
}

// mac is one HMAC with its scratch space. After its first Reset the keyed
// state is restored instead of computed again.
type mac struct {
	h   hash.Hash
	buf [1 + MaxName]byte
	sum [32]byte
}

// Sum returns the id of an object of the given kind with these plain bytes.
// Inline file content and symlink targets hash as KindChunk.
func (h *Hasher) Sum(kind Kind, plain []byte) ID {
	m := h.ids.Get().(*mac)
	m.h.Reset()
	m.buf[0] = byte(kind)
	m.h.Write(m.buf[:1])
	m.h.Write(plain)
	m.h.Sum(m.sum[:0])
	id := ID(m.sum)
	h.ids.Put(m)
	return id
}

// ends reports whether a node of this level ends after the item with this
// key: LE32(HMAC-SHA-256(K_split, level ‖ key)[0:4]) mod m = 0.
func (h *Hasher) ends(level uint8, key string, m uint32) bool {
	x := h.splits.Get().(*mac)
	x.h.Reset()
	x.buf[0] = level
	x.h.Write(x.buf[:1+copy(x.buf[1:], key)]) // a name or a digest: it fits
	x.h.Sum(x.sum[:0])
	end := binary.LittleEndian.Uint32(x.sum[:4])%m == 0
	h.splits.Put(x)
	return end
}
