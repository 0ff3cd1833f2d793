// Package keyring holds a vault's secrets: the recovery words and what they
// yield, a device's two private keys, the key rings that carry the vault's
// keys to its devices, and the sealing of bytes.
//
// # Words
//
// The recovery secret is 32 random bytes, shown to people once as 24 words.
// From it HKDF-SHA-256 derives, one label each, everything that must be equal
// on every device of a vault: the admission key, the recovery identity, the
// identity keys, the chunker's seed and epoch 0. An epoch is one generation
// of the keys that seal data and records. A ring is a signed file with all
// keys of a vault, wrapped (age, X25519) to each live device and to the
// recovery identity.
//
// # Invariants
//
// The same words make the same header, byte for byte. A ring can be read and
// its signature verified before any record is. Secrets are never printed: the
// types that hold them have no String method that shows them.
//
// # Concurrency
//
// Keys is immutable after it was made; everything else is a plain value.
//
// # Format
//
// docs/format.md, sections "Keys" and "Rings"; vectors in testdata.
package keyring
