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

// Seen is the newest record of a device that another one knows.
type Seen struct {
	Device      DeviceID
	Incarnation uint64
	Seq         uint64
}

// Statement is what a record says to members.
type Statement struct {
	Time         int64 // nanoseconds since 1970
	Head         ID    // KindSnapshot; zero before the first
	Seen         []Seen
	Settings     ID // KindSettings; zero when there are none
	Session      uint64
	Acknowledged [][32]byte // condemned sets, sorted
	Capabilities uint64
	Addresses    []string // multiaddrs
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

func (s Statement) encode() []byte {
	b := appendArray(nil, 8)
	b = appendInt(b, s.Time)
	b = appendMaybeLink(b, KindSnapshot, s.Head)
	b = appendArray(b, len(s.Seen))
	for _, v := range s.Seen {
		b = appendUint(appendUint(appendBytes(appendArray(b, 3), v.Device[:]), v.Incarnation), v.Seq)
	}
	b = appendMaybeLink(b, KindSettings, s.Settings)
	b = appendUint(b, s.Session)
	b = appendArray(b, len(s.Acknowledged))
	for _, k := range s.Acknowledged {
		b = appendBytes(b, k[:])
	}
	b = appendUint(b, s.Capabilities)
	b = appendArray(b, len(s.Addresses))
	for _, a := range s.Addresses {
		b = appendText(b, a)
	}
	return b
}

func recordAAD(o Outer) []byte { return o.encode([]byte(recordDomain)) }

// SealRecord seals and signs a statement. The outer's epoch must be among the
// keys.
func SealRecord(keys *keyring.Keys, signing ed25519.PrivateKey, o Outer, s Statement) (Record, error) {
	e, err := keys.Epoch(o.Epoch)
	if err != nil {
		return Record{}, fmt.Errorf("seal record: %w", err)
	}
	s.Seen = slices.Clone(s.Seen)
	slices.SortFunc(s.Seen, func(a, b Seen) int { return bytes.Compare(a.Device[:], b.Device[:]) })
	r := Record{Outer: o, Sealed: keyring.Seal(nil, &e.Record, recordAAD(o), s.encode())}
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
	if len(b) > MaxRecord {
		return Record{}, fmt.Errorf("read record: %w: %d bytes, above %d", ErrLimit, len(b), MaxRecord)
	}
	d := &decoder{b: b}
	var r Record
	d.fixed(3, "a record")
	d.fixed(6, "a record's outer part")
	d.exactly(r.Tag[:], "a vault tag")
	r.Device = d.device()
	r.Incarnation, r.Seq = d.uint(), d.uint()
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
	if !ed25519.Verify(r.Device[:], r.signed(), r.Sig[:]) {
		return Record{}, fmt.Errorf("%w: signature of %s", ErrRecord, r.Device)
	}
	return r, nil
}

// Open returns what the record says to members.
func (r Record) Open(keys *keyring.Keys) (Statement, error) {
	e, err := keys.Epoch(r.Epoch)
	if err != nil {
		return Statement{}, fmt.Errorf("open record: %w", err)
	}
	b, err := keyring.Open(nil, &e.Record, recordAAD(r.Outer), r.Sealed)
	if err != nil {
		return Statement{}, fmt.Errorf("open record of %s: %w", r.Device, err)
	}
	return decodeStatement(b)
}

func decodeStatement(b []byte) (Statement, error) {
	d := &decoder{b: b}
	var s Statement
	d.fixed(8, "a statement")
	s.Time = d.int()
	s.Head = d.maybeLink()
	for range d.array(MaxDevices, "devices seen") {
		d.fixed(3, "a device seen")
		v := Seen{d.device(), d.uint(), d.uint()}
		if d.err == nil && len(s.Seen) > 0 && bytes.Compare(s.Seen[len(s.Seen)-1].Device[:], v.Device[:]) >= 0 {
			d.fail("devices out of order")
		}
		if d.err != nil {
			break
		}
		s.Seen = append(s.Seen, v)
	}
	s.Settings = d.maybeLink()
	s.Session = d.uint()
	for range d.array(MaxDevices, "condemned sets") {
		var k [32]byte
		d.exactly(k[:], "a digest")
		if d.err == nil && len(s.Acknowledged) > 0 && bytes.Compare(s.Acknowledged[len(s.Acknowledged)-1][:], k[:]) >= 0 {
			d.fail("digests out of order")
		}
		if d.err != nil {
			break
		}
		s.Acknowledged = append(s.Acknowledged, k)
	}
	s.Capabilities = d.uint()
	for range d.array(64, "addresses") {
		a := d.text(512, "an address")
		if d.err != nil {
			break
		}
		s.Addresses = append(s.Addresses, a)
	}
	if err := d.end(); err != nil {
		return Statement{}, fmt.Errorf("read record: %w", err)
	}
	return s, nil
}
