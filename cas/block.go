package cas

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

// Class says which packs a block belongs to.
type Class uint8

// The classes of format 1.
const (
	Meta Class = 1 // lists, trees, snapshots, settings
	Data Class = 2 // chunks
)

func classOf(kind object.Kind) Class {
	if kind == object.KindChunk {
		return Data
	}
	return Meta
}

func (c Class) String() string {
	if c == Meta {
		return "meta"
	}
	return "data"
}

// Block is a sealed block as it is stored and sent: the ids of its objects
// stand in clear beside it.
type Block struct {
	IDs   []object.ID
	Bytes []byte
}

const (
	blockMagic   = "bsvB"
	blockVersion = 1
	blockHeader  = 24
	blockAAD     = "bsv/1/block"
	// blockTarget is the plain size at which small objects close a block;
	// aloneAt is the size from which an object has a block of its own.
	blockTarget = 1 << 20
	aloneAt     = 128 << 10
	// maxBlock bounds a block's file bytes and maxPlain what it may decode to.
	maxBlock = object.MaxObject + 64<<10
	maxPlain = object.MaxObject + 64<<10
	maxCount = 1 << 16
	// usualPlain bounds what blocks hold that writers of this version make, but
	// for the rarest metadata. Of those that hold more a store verifies one at
	// a time, so that few large ones take little memory.
	usualPlain = maxChunk + 64<<10
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// plainBlock is a block before sealing or after opening: objects one after
// the other.
type plainBlock struct {
	kinds []object.Kind
	ends  []int // of the objects in data
	data  []byte
}

func (p *plainBlock) add(kind object.Kind, plain []byte) {
	p.kinds = append(p.kinds, kind)
	p.data = append(p.data, plain...)
	p.ends = append(p.ends, len(p.data))
}

func (p *plainBlock) object(i int) (object.Kind, []byte) {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.kinds[i], p.data[from:p.ends[i]:p.ends[i]]
}

// heads appends what stands before the objects: the kind and length of each.
func (p *plainBlock) heads(b []byte) []byte {
	from := 0
	for i, k := range p.kinds {
		b = append(b, byte(k))
		b = binary.AppendUvarint(b, uint64(p.ends[i]-from))
		from = p.ends[i]
	}
	return b
}

// encode appends the block's form before compression to b.
func (p *plainBlock) encode(b []byte) []byte {
	return append(p.heads(slices.Grow(b, len(p.data)+6*len(p.kinds))), p.data...)
}

func decodePlain(b []byte, count int) (*plainBlock, error) {
	p := &plainBlock{}
	sum := 0
	for range count {
		if len(b) < 2 {
			return nil, fmt.Errorf("%w: block ends early", ErrDamaged)
		}
		kind := object.Kind(b[0])
		n, used := binary.Uvarint(b[1:])
		if used <= 0 || n > object.MaxObject {
			return nil, fmt.Errorf("%w: object length in block", ErrDamaged)
		}
		b = b[1+used:]
		if sum += int(n); sum > maxPlain {
			return nil, fmt.Errorf("%w: block beyond its limit", ErrDamaged)
		}
		p.kinds = append(p.kinds, kind)
		p.ends = append(p.ends, sum)
	}
	if len(b) != sum {
		return nil, fmt.Errorf("%w: block of wrong length", ErrDamaged)
	}
	p.data = b
	return p, nil
}

// sealer turns plain blocks into sealed ones and back.
type sealer struct {
	keys  *keyring.Keys
	comp  *compressor
	used  sync.Pool     // of *scratch
	large chan struct{} // holds one: who verifies a block beyond usualPlain
}

func newSealer(keys *keyring.Keys, comp *compressor) *sealer {
	return &sealer{keys: keys, comp: comp, large: make(chan struct{}, 1)}
}

// scratch is memory for one block on its way, used again for the next.
type scratch struct {
	body, packed, plain []byte
	large               bool // its user holds sealer.large
}

func (s *sealer) scratch() *scratch {
	if x, ok := s.used.Get().(*scratch); ok {
		return x
	}
	return &scratch{}
}

func (s *sealer) seal(class Class, p *plainBlock) ([]byte, error) {
	e, err := s.keys.Epoch(s.keys.Current)
	if err != nil {
		return nil, err
	}
	x := s.scratch()
	defer s.used.Put(x)
	// The plain bytes are laid where they will be sealed in place.
	const at = blockHeader + keyring.NonceSize
	const more = 1 + 2*binary.MaxVarintLen64 + keyring.Overhead - keyring.NonceSize
	var b []byte
	if s.comp.incompressible(p.data, x) {
		x.body = p.heads(x.body[:0])
		size := len(x.body) + len(p.data)
		b = make([]byte, at, at+more+size)
		b = append(b, codecRaw)
		b = binary.AppendUvarint(b, uint64(size))
		b = binary.AppendUvarint(b, uint64(size))
		b = append(b, x.body...)
		b = append(b, p.data...)
	} else {
		x.body = p.encode(x.body[:0])
		codec, stored := s.comp.compress(x.body, x)
		b = make([]byte, at, at+more+len(stored))
		b = append(b, codec)
		b = binary.AppendUvarint(b, uint64(len(stored)))
		b = binary.AppendUvarint(b, uint64(len(x.body)))
		b = append(b, stored...)
	}
	plain := b[at:]
	b = b[:blockHeader]
	copy(b, blockMagic)
	b[4], b[5] = blockVersion, byte(class)
	binary.LittleEndian.PutUint32(b[8:], s.keys.Current)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(p.kinds)))
	binary.LittleEndian.PutUint32(b[16:], uint32(keyring.Overhead+len(plain)))
	b = keyring.Seal(b, &e.Data, s.aad(b[:20]), plain)
	binary.LittleEndian.PutUint32(b[20:], checksum(b))
	return b, nil
}

func (s *sealer) aad(hdr []byte) []byte {
	aad := append([]byte(blockAAD), s.keys.Tag[:]...)
	return append(aad, hdr...)
}

// header reads a block's clear header: its class, number of objects and
// length with the header.
func header(b []byte) (class Class, count, length int, err error) {
	if len(b) < blockHeader || string(b[:4]) != blockMagic {
		return 0, 0, 0, fmt.Errorf("%w: no block here", ErrDamaged)
	}
	if b[4] != blockVersion {
		return 0, 0, 0, fmt.Errorf("block of version %d: %w", b[4], ErrNewer)
	}
	class = Class(b[5])
	n, body := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	if class != Meta && class != Data || b[6] != 0 || b[7] != 0 || n == 0 || n > maxCount || body < keyring.Overhead || body > maxBlock-blockHeader {
		return 0, 0, 0, fmt.Errorf("%w: block header", ErrDamaged)
	}
	return class, int(n), blockHeader + int(body), nil
}

// intact reads the header of a whole block whose checksum is right. A flipped
// bit of the version is damage, and no newer version.
func intact(b []byte) (Class, int, error) {
	class, count, length, err := header(b)
	if err != nil && !errors.Is(err, ErrNewer) {
		return 0, 0, err
	}
	if err == nil && length != len(b) {
		return 0, 0, fmt.Errorf("%w: block of wrong length", ErrDamaged)
	}
	if checksum(b) != binary.LittleEndian.Uint32(b[20:]) {
		return 0, 0, fmt.Errorf("%w: block checksum", ErrDamaged)
	}
	return class, count, err
}

// checksum is the crc32c of a block's header before it and of its body.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:20], castagnoli()), castagnoli(), b[blockHeader:])
}

// open opens a whole block.
func (s *sealer) open(b []byte) (*plainBlock, Class, error) {
	x := s.scratch()
	defer s.used.Put(x)
	p, class, plain, err := s.openTo(x.plain[:0], nil, b)
	switch {
	case len(plain) == 0:
	case plain[0] == codecRaw:
		x.plain = nil // the block lies in it
	default:
		x.plain = plain
	}
	return p, class, err
}

// openHere opens a whole block in its own memory, which the caller gives away.
func (s *sealer) openHere(b []byte) (*plainBlock, error) {
	at := min(len(b), blockHeader+keyring.NonceSize)
	p, _, _, err := s.openTo(b[at:at], nil, b)
	return p, err
}

// release gives scratch back that openIn used.
func (s *sealer) release(x *scratch) {
	if !x.large {
		s.used.Put(x)
		return
	}
	<-s.large // and x goes
}

// openIn opens a whole block in memory that is used again: what is returned
// holds until x is released.
func (s *sealer) openIn(x *scratch, b []byte) (*plainBlock, Class, error) {
	p, class, plain, err := s.openTo(x.plain[:0], x, b)
	if plain != nil {
		x.plain = plain
	}
	return p, class, err
}

// openTo opens a whole block and appends what was sealed in it to dst. The
// block lies there, too, unless it was compressed: then in x, or in memory of
// its own if x is nil.
func (s *sealer) openTo(dst []byte, x *scratch, b []byte) (*plainBlock, Class, []byte, error) {
	class, count, err := intact(b)
	if err != nil {
		return nil, 0, nil, err
	}
	e, err := s.keys.Epoch(binary.LittleEndian.Uint32(b[8:]))
	if err != nil {
		return nil, 0, nil, err
	}
	plain, err := keyring.Open(dst, &e.Data, s.aad(b[:20]), b[blockHeader:])
	if err != nil {
		return nil, 0, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	p, err := s.decode(plain, x, class, count)
	return p, class, plain, err
}

// decode reads what was sealed: codec, lengths, stored bytes, padding. What
// was compressed is laid into x if there is one.
func (s *sealer) decode(plain []byte, x *scratch, class Class, count int) (*plainBlock, error) {
	if len(plain) < 3 {
		return nil, fmt.Errorf("%w: block ends early", ErrDamaged)
	}
	codec, rest := plain[0], plain[1:]
	stored, used := binary.Uvarint(rest)
	if used <= 0 {
		return nil, fmt.Errorf("%w: block lengths", ErrDamaged)
	}
	rest = rest[used:]
	size, used := binary.Uvarint(rest)
	if used <= 0 || size > maxPlain || stored > uint64(len(rest)-used) {
		return nil, fmt.Errorf("%w: block lengths", ErrDamaged)
	}
	rest = rest[used:]
	for _, z := range rest[stored:] {
		if z != 0 {
			return nil, fmt.Errorf("%w: block padding", ErrDamaged)
		}
	}
	var room []byte
	if x != nil {
		if size > usualPlain {
			s.large <- struct{}{}
			x.large = true
		}
		room = x.body[:0]
	}
	body, err := s.comp.decompress(codec, rest[:stored], int(size), room)
	if err != nil {
		return nil, err
	}
	if x != nil && codec != codecRaw {
		x.body = body
	}
	p, err := decodePlain(body, count)
	if err != nil {
		return nil, err
	}
	for _, k := range p.kinds {
		if classOf(k) != class {
			return nil, fmt.Errorf("%w: an object of kind %d in a block of class %s", ErrDamaged, k, class)
		}
	}
	return p, nil
}
