package object

import (
	"encoding/binary"
	"fmt"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// keyedHash is the private-use multihash code of HMAC-SHA-256 under K_id.
const keyedHash = 0x300000

// cidPrefixRaw and cidPrefixCBOR are what stands before the 32 bytes of the
// digest in the binary CID of a chunk and of every other object: version 1,
// codec, multihash code as varint, length.
const (
	cidPrefixRaw  = "\x01\x55\x80\x80\xc0\x01\x20"
	cidPrefixCBOR = "\x01\x71\x80\x80\xc0\x01\x20"
	cidPrefixSame = "\x01\x55\x00" // identity multihash: content inside its entry
	cidLen        = len(cidPrefixRaw) + 32
)

func cidPrefix(kind Kind) string {
	if kind == KindChunk {
		return cidPrefixRaw
	}
	return cidPrefixCBOR
}

// CID is the id as a CIDv1 in its usual text form (base32, "b…"): codec raw
// for chunks, dag-cbor for every other kind.
func (id ID) CID(kind Kind) string {
	c, err := cid.Cast(append([]byte(cidPrefix(kind)), id[:]...))
	if err != nil { // the prefix is a constant of this package
		panic(fmt.Sprintf("object: own CID prefix: %v", err))
	}
	return c.String()
}

// ParseCID parses what CID returns, and nothing else, and reports whether the
// object is a chunk.
func ParseCID(s string) (id ID, chunk bool, err error) {
	if len(s) != 1+(cidLen*8+4)/5 {
		return ID{}, false, fmt.Errorf("parse id: %d characters", len(s))
	}
	c, err := cid.Decode(s)
	if err != nil {
		return ID{}, false, fmt.Errorf("parse id %q: %w", s, err)
	}
	p := c.Prefix()
	d, err := mh.Decode(c.Hash())
	if err != nil || p.Version != 1 || d.Code != keyedHash || len(d.Digest) != len(id) || (p.Codec != cid.Raw && p.Codec != cid.DagCBOR) {
		return ID{}, false, fmt.Errorf("parse id %q: not an id of a vault", s)
	}
	copy(id[:], d.Digest)
	chunk = p.Codec == cid.Raw
	if c.String() != s || id.IsZero() {
		return ID{}, false, fmt.Errorf("parse id %q: not in the usual form", s)
	}
	return id, chunk, nil
}

// Full is the whole digest in lower-case base32, the form of which Short is a
// prefix.
func (id ID) Full() string { return lower32.EncodeToString(id[:]) }

func appendLink(b []byte, kind Kind, id ID) []byte {
	b = appendHead(b, majorTag, tagLink)
	b = appendHead(b, majorBytes, uint64(1+cidLen))
	b = append(b, 0)
	b = append(b, cidPrefix(kind)...)
	return append(b, id[:]...)
}

func appendMaybeLink(b []byte, kind Kind, id ID) []byte {
	if id.IsZero() {
		return append(b, cborNull)
	}
	return appendLink(b, kind, id)
}

// appendSame writes content of at most InlineMax bytes as an identity link.
func appendSame(b []byte, content string) []byte {
	n := 1
	if len(content) > 0x7f {
		n = 2
	}
	b = appendHead(b, majorTag, tagLink)
	b = appendHead(b, majorBytes, uint64(1+len(cidPrefixSame)+n+len(content)))
	b = append(b, 0)
	b = append(b, cidPrefixSame...)
	b = binary.AppendUvarint(b, uint64(len(content)))
	return append(b, content...)
}

// objectLink reads a link to an object that is no chunk.
func (d *decoder) objectLink() ID {
	id, raw := d.link()
	if raw {
		d.fail("a chunk where another object belongs")
	}
	return id
}

// maybeLink reads a link to an object that is no chunk, or null.
func (d *decoder) maybeLink() ID {
	if d.null() {
		return ID{}
	}
	return d.objectLink()
}

// link reads a link to an object: raw reports a chunk.
func (d *decoder) link() (id ID, raw bool) {
	id, raw, same := d.anyLink()
	if d.err == nil && same != nil {
		d.fail("content inside a link where an object belongs")
	}
	return id, raw
}

// anyLink reads a link; same is not nil when the link is the content itself.
func (d *decoder) anyLink() (id ID, raw bool, same []byte) {
	if n := d.expect(majorTag, "a reference"); d.err == nil && n != tagLink {
		d.fail("expected a link, not tag %d", n)
	}
	v := d.bytes(1+len(cidPrefixSame)+2+InlineMax, "a link")
	if d.err != nil {
		return ID{}, false, nil
	}
	const head, same0 = 1 + len(cidPrefixRaw), "\x00" + cidPrefixSame
	switch {
	case len(v) == 1+cidLen && string(v[:head]) == "\x00"+cidPrefixRaw:
		raw = true
	case len(v) == 1+cidLen && string(v[:head]) == "\x00"+cidPrefixCBOR:
	case len(v) > len(same0) && string(v[:len(same0)]) == same0:
		rest := v[len(same0):]
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > InlineMax || int(n) != len(rest)-used || len(binary.AppendUvarint(nil, n)) != used {
			d.fail("identity link of wrong length")
			return ID{}, false, nil
		}
		return ID{}, false, rest[used:]
	default:
		d.fail("not a link of a vault")
		return ID{}, false, nil
	}
	copy(id[:], v[head:])
	if id.IsZero() {
		d.fail("a link to nothing")
	}
	return id, raw, nil
}
