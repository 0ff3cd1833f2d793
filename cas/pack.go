package cas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// A pack is blocks | table | footer. The table lists per block its offset,
// the number of its objects and their ids; see docs/format.md.
const (
	packMagic   = "bsvP"
	packVersion = 1
	footerLen   = 4 + 4 + 32 + 8 + 4 + 4 + 8 + 4
	maxPack     = 256 << 20
)

func (c Class) target() int {
	if c == Meta {
		return 8 << 20
	}
	return 32 << 20
}

// packBlock is a block's place in a pack.
type packBlock struct {
	off, length uint32
	ids         []object.ID
}

// packID is the SHA-256 of a pack's bytes, its name.
type packID [32]byte

func packName(class Class, id packID) string {
	h := hex.EncodeToString(id[:])
	return "packs/" + class.String() + "/" + h[:2] + "/" + h + ".pack"
}

// parsePackName reads the name of a pack; a file that is called otherwise than
// its pack would be, or lies elsewhere, is none.
func parsePackName(name string) (Class, packID, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || path.Ext(parts[3]) != ".pack" {
		return 0, packID{}, false
	}
	var class Class
	switch parts[1] {
	case "meta":
		class = Meta
	case "data":
		class = Data
	default:
		return 0, packID{}, false
	}
	b, err := hex.DecodeString(strings.TrimSuffix(parts[3], ".pack"))
	if err != nil || len(b) != 32 || packName(class, packID(b)) != name {
		return 0, packID{}, false
	}
	return class, packID(b), true
}

// packTail encodes the table and the footer of a pack.
func packTail(class Class, device object.DeviceID, session uint64, blocks []packBlock, size int) []byte {
	var b []byte
	objects := 0
	for _, k := range blocks {
		b = binary.LittleEndian.AppendUint32(b, k.off)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(k.ids)))
		for _, id := range k.ids {
			b = append(b, id[:]...)
		}
		objects += len(k.ids)
	}
	b = append(b, packMagic...)
	b = append(b, packVersion, byte(class), 0, 0)
	b = append(b, device[:]...)
	b = binary.LittleEndian.AppendUint64(b, session)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(blocks)))
	b = binary.LittleEndian.AppendUint32(b, uint32(objects))
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

// readTable reads a pack's table from its end.
func readTable(be Backend, name string, size int64) ([]packBlock, error) {
	if size < footerLen || size > maxPack {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, name, size)
	}
	f, err := be.Read(name, size-footerLen, footerLen)
	if err != nil {
		return nil, err
	}
	if string(f[:4]) != packMagic {
		return nil, fmt.Errorf("%w: %s has no footer", ErrDamaged, name)
	}
	if f[4] != packVersion {
		return nil, fmt.Errorf("%s: version %d: %w", name, f[4], ErrNewer)
	}
	nblocks, nobjects := binary.LittleEndian.Uint32(f[48:]), binary.LittleEndian.Uint32(f[52:])
	at := binary.LittleEndian.Uint64(f[56:])
	want := uint64(nblocks)*8 + uint64(nobjects)*32
	if at > uint64(size)-footerLen || uint64(size)-footerLen-at != want {
		return nil, fmt.Errorf("%w: %s: table of wrong length", ErrDamaged, name)
	}
	t, err := be.Read(name, int64(at), int(want))
	if err != nil {
		return nil, err
	}
	crc := crc32.Update(crc32.Checksum(t, castagnoli()), castagnoli(), f[:footerLen-4])
	if crc != binary.LittleEndian.Uint32(f[footerLen-4:]) {
		return nil, fmt.Errorf("%w: %s: table checksum", ErrDamaged, name)
	}
	blocks := make([]packBlock, 0, nblocks)
	for len(t) >= 8 {
		k := packBlock{off: binary.LittleEndian.Uint32(t)}
		n := binary.LittleEndian.Uint32(t[4:])
		t = t[8:]
		if n == 0 || n > maxCount || uint64(n)*32 > uint64(len(t)) {
			return nil, fmt.Errorf("%w: %s: table", ErrDamaged, name)
		}
		k.ids = make([]object.ID, n)
		for i := range k.ids {
			copy(k.ids[i][:], t[i*32:])
		}
		t = t[n*32:]
		if i := len(blocks); i > 0 {
			if k.off <= blocks[i-1].off {
				return nil, fmt.Errorf("%w: %s: table order", ErrDamaged, name)
			}
			blocks[i-1].length = k.off - blocks[i-1].off
		}
		blocks = append(blocks, k)
	}
	if n := len(blocks); n != int(nblocks) || n == 0 || uint64(blocks[n-1].off) >= at {
		return nil, fmt.Errorf("%w: %s: table", ErrDamaged, name)
	}
	blocks[len(blocks)-1].length = uint32(at) - blocks[len(blocks)-1].off
	if slices.ContainsFunc(blocks, func(k packBlock) bool { return k.length > maxBlock }) {
		return nil, fmt.Errorf("%w: %s: table of larger blocks than there are", ErrDamaged, name)
	}
	return blocks, nil
}

// openPack collects sealed blocks until they are worth a file.
type openPack struct {
	class   Class
	blocks  []*memBlock
	size    int
	objects int
	written chan struct{} // closed when a writer of the store has written it, or failed to
}

// write makes the pack a durable file and returns its id, table and size.
func (p *openPack) write(be Backend, device object.DeviceID, session uint64) (packID, []packBlock, int64, error) {
	h := sha256.New()
	parts := make([][]byte, 0, len(p.blocks)+1)
	table := make([]packBlock, 0, len(p.blocks))
	off := 0
	for _, b := range p.blocks {
		parts = append(parts, b.sealed)
		h.Write(b.sealed)
		table = append(table, packBlock{uint32(off), uint32(len(b.sealed)), b.ids})
		off += len(b.sealed)
	}
	tail := packTail(p.class, device, session, table, off)
	h.Write(tail)
	id := packID(h.Sum(nil))
	return id, table, int64(off + len(tail)), be.Write(packName(p.class, id), append(parts, tail)...)
}

// scanBlocks finds the blocks of a pack without its table, by opening them.
func scanBlocks(be Backend, s *sealer, hash *object.Hasher, name string) ([]packBlock, error) {
	b, err := be.Read(name, 0, -1)
	if err != nil {
		return nil, err
	}
	var out []packBlock
	for off := 0; off < len(b); {
		_, _, n, err := header(b[off:])
		if err != nil || n > len(b)-off {
			break
		}
		p, _, err := s.open(b[off : off+n])
		if err == nil {
			k := packBlock{off: uint32(off), length: uint32(n)}
			for i := range p.kinds {
				kind, plain := p.object(i)
				k.ids = append(k.ids, hash.Sum(kind, plain))
			}
			out = append(out, k)
		}
		off += n
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s holds no readable block", ErrDamaged, name)
	}
	return out, nil
}
