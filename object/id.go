package object

import "encoding/base32"

// Kind numbers what an object is. The number is the first byte that an id
// hashes, so two objects of different kinds never share an id.
type Kind uint8

// The kinds of format 1. Numbers are never reused.
const (
	KindChunk    Kind = 1 // bytes of a file
	KindList     Kind = 2 // node of a long file's list of chunks
	KindTree     Kind = 3 // node of a directory
	KindSnapshot Kind = 4
	KindSettings Kind = 5
	KindSet      Kind = 6
	KindMail     Kind = 7
)

// ID is an object's keyed digest: HMAC-SHA-256(K_id, kind ‖ plaintext). It is
// comparable and is never handled as a string. The zero ID names no object.
// Outside of this package an ID is written as a CIDv1 only where the format
// says so (links inside objects, `--json`); packs, index and wire carry the
// bare 32 bytes.
type ID [32]byte

// IsZero reports whether id names no object.
func (id ID) IsZero() bool { return id == ID{} }

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Short is the form for people: the first 10 characters of the digest in
// lower-case base32.
func (id ID) Short() string { return lower32.EncodeToString(id[:])[:10] }
