package object

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/keyring"
)

// ErrRecord is wrapped by errors about records that are not what they claim.
var ErrRecord = errors.New("record does not verify")

const recordDomain = "bsv/1/record"

// Outer is what a record says in clear.
type Outer struct {
	Tag         [16]byte
	Device      DeviceID
	Incarnation uint64   // counter u32 ‖ 4 random bytes
	Seq         uint64   // from 1, one up with every record of the incarnation
	Prev        [32]byte // SHA-256 of the device's record before; zero for its first
	Epoch       uint32
}

// Record is a device's signed statement.
type Record struct {
	Outer
	Sealed []byte
	Sig    [64]byte
}

// Digest names a record.
func (r Record) Digest() [32]byte { return sha256.Sum256(r.Encode()) }

// File is the record's name in a repository, below "records/".
func (r Record) File() string {
	d := r.Digest()
	return fmt.Sprintf("%s/%016x-%016x-%s", hex.EncodeToString(r.Device[:]), r.Incarnation, r.Seq, hex.EncodeToString(d[:16]))
}

func (o Outer) encode(b []byte) []byte {
	b = appendArray(b, 6)
	b = appendBytes(b, o.Tag[:])
	b = appendBytes(b, o.Device[:])
	b = appendUint(appendUint(b, o.Incarnation), o.Seq)
	if o.Prev == ([32]byte{}) {
		b = append(b, cborNull)
	} else {
		b = appendBytes(b, o.Prev[:])
	}
	return appendUint(b, uint64(o.Epoch))
}

// Encode returns the record's file bytes.
func (r Record) Encode() []byte {
	b := appendArray(nil, 3)
	b = r.Outer.encode(b)
	b = appendBytes(b, r.Sealed)
	return appendBytes(b, r.Sig[:])
}

func recordAAD(o Outer) []byte { return o.encode([]byte(recordDomain)) }

// SealRecord seals and signs a statement; the devices seen need not be sorted.
// The outer's epoch must be among the keys, and its device must be the signing
// key's, or nobody will read the record. A
// statement that no device would read is an error wrapping ErrMalformed or,
// when it is too large, ErrLimit.
func SealRecord(keys *keyring.Keys, signing ed25519.PrivateKey, o Outer, s Statement) (Record, error) {
	e, err := keys.Epoch(o.Epoch)
	if err != nil {
		return Record{}, fmt.Errorf("seal record: %w", err)
	}
	s.Seen = slices.SortedFunc(slices.Values(s.Seen), compareSeen)
	inner := s.encode()
	if _, err := decodeStatement(inner); err != nil { // what no other device would read
		return Record{}, fmt.Errorf("seal record: %w", err)
	}
	r := Record{Outer: o, Sealed: keyring.Seal(nil, &e.Record, recordAAD(o), inner)}
	copy(r.Sig[:], ed25519.Sign(signing, r.signed()))
	if n := len(r.Encode()); n > MaxRecord {
		return Record{}, fmt.Errorf("seal record: %w: %d bytes, above %d", ErrLimit, n, MaxRecord)
	}
	return r, nil
}

func (r Record) signed() []byte { return append(recordAAD(r.Outer), r.Sealed...) }

// DecodeRecord reads a record and checks its signature by the device that it
// names; whether the device is a member is for the caller to say.
func DecodeRecord(b []byte) (Record, error) {
	r, err := readRecord(b)
	if err != nil {
		return Record{}, err
	}
	if !ed25519.Verify(r.Device[:], r.signed(), r.Sig[:]) {
		return Record{}, fmt.Errorf("%w: signature of %s", ErrRecord, r.Device)
	}
	return r, nil
}

func readRecord(b []byte) (Record, error) {
	if len(b) > MaxRecord {
		return Record{}, fmt.Errorf("read record: %w: %d bytes, above %d", ErrLimit, len(b), MaxRecord)
	}
	d := &decoder{b: b}
	var r Record
	d.fixed(3, "a record")
	d.fixed(6, "a record's outer part")
	d.exactly(r.Tag[:], "a vault tag")
	r.Device = d.device()
	r.Incarnation, r.Seq = d.uint("an incarnation"), d.uint("a sequence number")
	if !d.null() {
		d.exactly(r.Prev[:], "a digest")
		if d.err == nil && r.Prev == ([32]byte{}) {
			d.fail("zero digest")
		}
	}
	r.Epoch = uint32(d.uintMax(1<<32-1, "an epoch"))
	r.Sealed = bytes.Clone(d.bytes(MaxRecord, "a sealed statement"))
	d.exactly(r.Sig[:], "a signature")
	if err := d.end(); err != nil {
		return Record{}, fmt.Errorf("read record: %w", err)
	}
	return r, nil
}

// Open returns what the record says to members. The error wraps ErrRecord for
// a record of another vault, keyring.ErrSealed for one that the epoch's key
// does not open, and ErrMalformed for a statement that is none.
func (r Record) Open(keys *keyring.Keys) (Statement, error) {
	if r.Tag != keys.Tag {
		return Statement{}, fmt.Errorf("open record of %s: %w: of another vault", r.Device, ErrRecord)
	}
	e, err := keys.Epoch(r.Epoch)
	if err != nil {
		return Statement{}, fmt.Errorf("open record: %w", err)
	}
	b, err := keyring.Open(nil, &e.Record, recordAAD(r.Outer), r.Sealed)
	if err != nil {
		return Statement{}, fmt.Errorf("open record of %s: %w", r.Device, err)
	}
	s, err := decodeStatement(b)
	if err != nil {
		return Statement{}, fmt.Errorf("open record of %s: %w", r.Device, err)
	}
	return s, nil
}
