package worktree

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// row is the stat cache of one directory: what its names looked like when its
// tree was built. An entry itself is read from that tree, so a row never
// refers to what the store does not hold.
type row struct {
	tree  object.ID
	bytes uint64  // of all files below
	files uint64  // files below
	rules rulesID // of the ignore rules from above that held
	names []rowName
	bare  bool // nothing in it, or only what is left out; not kept
	mount bool // another file system than that of the directory above
}

// rowName is what stat said of one name. A file that was touched around its
// scan has ctime -1, which no later stat equals.
type rowName struct {
	name  string
	kind  object.EntryKind
	mode  uint16
	size  int64
	mtime int64
	ctime int64
	inode uint64
	tree  object.ID // of a directory
	bytes uint64    // of a directory
	files uint64
}

func (r *row) find(name string) *rowName {
	i, ok := slices.BinarySearchFunc(r.names, name, func(n rowName, s string) int { return strings.Compare(n.name, s) })
	if !ok {
		return nil
	}
	return &r.names[i]
}

// same reports whether stat says what it said then.
func (n *rowName) same(st vfs.Stat) bool {
	return n.size == st.Size && n.mtime == st.MTime && n.ctime == st.CTime && n.ctime != -1 &&
		n.inode == st.Inode && n.mode == st.Mode && n.kind == kindOf(st)
}

const rowVersion = 3

// The flags of a row: what follows, and what is so.
const (
	rowRules = 1
	rowMount = 2
)

// encode writes of each name what is not as with the one before: files of a
// directory are mostly written in a row. The last bytes are CRC-32C: the pages of
// state.db have no sums, and a row that is wrong hides what was changed.
func (r *row) encode() []byte {
	b := append([]byte{rowVersion}, r.tree[:]...)
	b = binary.AppendUvarint(b, r.bytes)
	b = binary.AppendUvarint(b, r.files)
	flags := byte(0)
	if r.rules != (rulesID{}) {
		flags |= rowRules
	}
	if r.mount {
		flags |= rowMount
	}
	if b = append(b, flags); flags&rowRules != 0 {
		b = append(b, r.rules[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(r.names)))
	var last rowName
	for _, n := range r.names {
		b = binary.AppendUvarint(b, uint64(len(n.name)))
		b = append(b, n.name...)
		b = append(b, byte(n.kind))
		b = binary.AppendUvarint(b, uint64(n.mode^last.mode))
		b = binary.AppendVarint(b, n.size)
		b = binary.AppendVarint(b, n.mtime-last.mtime) // wraps, and back again
		b = binary.AppendVarint(b, n.ctime-last.ctime)
		b = binary.AppendVarint(b, int64(n.inode-last.inode))
		last = n
		if n.kind == object.Dir {
			b = append(b, n.tree[:]...)
			b = binary.AppendUvarint(b, n.bytes)
			b = binary.AppendUvarint(b, n.files)
		}
	}
	return binary.LittleEndian.AppendUint32(b, sumOf(b))
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

var errRow = errors.New("damaged row of the stat cache")

type rowReader struct {
	b   []byte
	bad bool
}

func (r *rowReader) uint() uint64 {
	n, used := binary.Uvarint(r.b)
	if used <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[used:]
	return n
}

func (r *rowReader) int() int64 {
	n, used := binary.Varint(r.b)
	if used <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[used:]
	return n
}

func (r *rowReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return make([]byte, min(n, 32))
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func decodeRow(b []byte) (*row, error) {
	if len(b) < 1+32+4 || b[0] != rowVersion {
		return nil, errRow
	}
	var sum uint32
	if b, sum = b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:]); sum != sumOf(b) {
		return nil, errRow
	}
	r := &rowReader{b: b[1:]}
	out := &row{tree: object.ID(r.take(32))}
	out.bytes, out.files = r.uint(), r.uint()
	flags := r.take(1)[0]
	out.mount = flags&rowMount != 0
	if flags&rowRules != 0 {
		out.rules = rulesID(r.take(uint64(len(out.rules))))
	}
	n := r.uint()
	if n > uint64(len(r.b)) {
		return nil, errRow
	}
	out.names = make([]rowName, 0, n)
	var last rowName
	for range n {
		v := rowName{name: string(r.take(r.uint()))}
		v.kind = object.EntryKind(r.take(1)[0])
		v.mode = uint16(r.uint()) ^ last.mode
		v.size = r.int()
		v.mtime, v.ctime, v.inode = last.mtime+r.int(), last.ctime+r.int(), last.inode+uint64(r.int())
		last = v
		if v.kind == object.Dir {
			v.tree = object.ID(r.take(32))
			v.bytes, v.files = r.uint(), r.uint()
		}
		if r.bad {
			return nil, errRow
		}
		out.names = append(out.names, v)
	}
	if len(r.b) != 0 {
		return nil, errRow
	}
	return out, nil
}

// RowFiles is the tree of the directory that a row speaks of, and the number of
// files below.
func RowFiles(b []byte) (tree object.ID, files uint64, ok bool) {
	r, err := decodeRow(b)
	if err != nil {
		return object.ID{}, 0, false
	}
	return r.tree, r.files, true
}
