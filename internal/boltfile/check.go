package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
)

// The layout is that of bbolt's internal/common (meta.go, page.go, inode.go,
// bucket.go) and has been the same since version 2 of the file, of 2014. Numbers
// have the byte order of the machine.
//
//	page          id u64 | flags u16 | count u16 | overflow u32 | elements | keys and values
//	meta          magic u32 | version u32 | page size u32 | flags u32 | root bucket | freelist u64 | pages u64 | transaction u64 | FNV-1a of what is before u64
//	bucket        root page u64 | sequence u64 | when the root page is 0: the page itself
//	branch elem.  position of the key u32, from the element | length u32 | page u64
//	leaf elem.    flags u32 | position of the key u32 | its length u32 | length of the value behind it u32
//	freelist      page ids u64; with a count of 0xffff the first is their number
//
// Meta pages are 0 and 1; pages is the high-water mark: all that is used lies
// below it.
const (
	pageHeader  = 16
	elementSize = 16
	metaSize    = 64
	bucketSize  = 16

	magic   = 0xED0CDAED
	version = 2

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf's element

	noFreelist = ^uint64(0)
	manyIDs    = 0xffff

	minPage, maxPage = 1 << 10, 16 << 20
	maxDepth         = 64
)

type meta struct {
	pageSize, root, freelist, pages, tx uint64
}

// check looks at a bbolt file: always whether all of it is there, and unless it
// is as it was closed, whether its pages make a tree. One that does not exist,
// or is empty, is whole. each is as for Open.
func check(path string, each func(bucket string, key, value []byte) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return errors.New("not a file")
	case fi.Size() == 0:
		return nil
	}
	m, err := readMeta(f, fi.Size())
	if err != nil {
		return err
	}
	// bbolt reads what is missing of a file that is too short from its map: SIGBUS.
	if m.pages > uint64(fi.Size())/m.pageSize {
		return fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, fi.Size(), m.pages*m.pageSize)
	}
	if m.freelist == noFreelist {
		return fmt.Errorf("%w: it has no freelist", ErrDamaged)
	}
	if stamped(path, fi) {
		return nil
	}
	w := &walk{f: f, meta: m, used: make([]bool, m.pages), each: each}
	w.used[0], w.used[1] = true, true
	if err := w.tree(m.root, 0, nil, nil, nil); err != nil {
		return err
	}
	return w.freelist()
}

// readMeta returns the meta page that bbolt uses: the newest that is whole.
func readMeta(f io.ReaderAt, size int64) (meta, error) {
	var best meta
	var err error
	found := false
	take := func(off int64) (pageSize int64) {
		var b [pageHeader + metaSize]byte
		if off+int64(len(b)) > size || err != nil {
			return 0
		}
		if _, err = f.ReadAt(b[:], off); err != nil {
			return 0
		}
		m, ok := decodeMeta(b[pageHeader:])
		if !ok {
			return 0
		}
		if !found || m.tx > best.tx {
			best, found = m, true
		}
		return int64(m.pageSize)
	}
	if n := take(0); n > 0 {
		take(n)
	} else { // where the second is, only it knows
		for n := int64(minPage); n <= maxPage && !found; n *= 2 {
			take(n)
		}
	}
	if err != nil { // of the system
		return meta{}, err
	}
	if !found {
		return meta{}, fmt.Errorf("%w: no meta page is whole", ErrDamaged)
	}
	return best, nil
}

func decodeMeta(b []byte) (meta, bool) {
	u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	h := fnv.New64a()
	h.Write(b[:56])
	m := meta{pageSize: uint64(u32(b[8:])), root: u64(b[16:]), freelist: u64(b[32:]), pages: u64(b[40:]), tx: u64(b[48:])}
	ok := u32(b) == magic && u32(b[4:]) == version && u64(b[56:]) == h.Sum64()
	return m, ok && m.pageSize >= minPage && m.pageSize <= maxPage && m.pages >= 3
}

// walk is one way through all pages of a file.
type walk struct {
	meta
	f    io.ReaderAt
	used []bool
	bufs [maxDepth][]byte // of the pages on the way down
	each func(bucket string, key, value []byte) error
}

// page reads a page with those that it overflows into.
func (w *walk) page(id uint64, depth int) ([]byte, error) {
	if id >= w.pages || depth == maxDepth {
		return nil, fmt.Errorf("%w: page %d is out of place", ErrDamaged, id)
	}
	if w.bufs[depth] == nil {
		w.bufs[depth] = make([]byte, w.pageSize)
	}
	b := w.bufs[depth][:w.pageSize]
	if err := w.read(b, id); err != nil {
		return nil, err
	}
	more := uint64(binary.NativeEndian.Uint32(b[12:]))
	if own := binary.NativeEndian.Uint64(b); own != id || more >= w.pages-id {
		return nil, fmt.Errorf("%w: page %d says that it is %d", ErrDamaged, id, own)
	}
	for i := id; i <= id+more; i++ {
		if w.used[i] {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrDamaged, i)
		}
		w.used[i] = true
	}
	if more == 0 {
		return b, nil
	}
	if n := (1 + more) * w.pageSize; uint64(cap(b)) < n {
		b = append(make([]byte, 0, n), b...)
	}
	b = b[:(1+more)*w.pageSize]
	w.bufs[depth] = b
	return b, w.read(b[w.pageSize:], id+1)
}

func (w *walk) read(b []byte, id uint64) error {
	_, err := w.f.ReadAt(b, int64(id*w.pageSize))
	if errors.Is(err, io.EOF) { // it became shorter
		return fmt.Errorf("%w: it ends in page %d", ErrDamaged, id)
	}
	return err
}

// element is one of a page; the bytes are the page's.
type element struct {
	key, value []byte
	page       uint64 // of a branch
	bucket     bool
}

func decodeElement(page []byte, i int, leaf bool) (element, bool) {
	at := pageHeader + i*elementSize
	b := page[at:]
	u32 := func(off int) uint64 { return uint64(binary.NativeEndian.Uint32(b[off:])) }
	var e element
	pos, ksize, vsize := u32(0), u32(4), uint64(0)
	if leaf {
		flags := u32(0)
		if flags > flagBucket {
			return e, false
		}
		e.bucket = flags == flagBucket
		pos, ksize, vsize = u32(4), u32(8), u32(12)
	} else {
		e.page = binary.NativeEndian.Uint64(b[8:])
	}
	if pos < elementSize || pos+ksize+vsize > uint64(len(b)) {
		return e, false
	}
	e.key, e.value = b[pos:pos+ksize], b[pos+ksize:pos+ksize+vsize]
	return e, true
}

// tree looks at the pages of a bucket from one page down: keys ascend, from low
// on and below high. names are those of the buckets that it lies in.
func (w *walk) tree(id uint64, depth int, low, high []byte, names []string) error {
	b, err := w.page(id, depth)
	if err != nil {
		return err
	}
	return w.elements(b, id, depth, low, high, names)
}

func (w *walk) elements(b []byte, id uint64, depth int, low, high []byte, names []string) error {
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	leaf := flags == flagLeaf
	wrong := func(what string) error { return fmt.Errorf("%w: page %d: %s", ErrDamaged, id, what) }
	if !leaf && (flags != flagBranch || count == 0) || pageHeader+count*elementSize > len(b) {
		return wrong("it is no page of a tree")
	}
	for i := range count {
		e, ok := decodeElement(b, i, leaf)
		if !ok {
			return wrong("an entry is cut off")
		}
		if c := bytes.Compare(e.key, low); c < 0 || c == 0 && i > 0 || high != nil && bytes.Compare(e.key, high) >= 0 {
			return wrong("its keys are in disorder")
		}
		low = e.key
		switch {
		case !leaf:
			end := high
			if i+1 < count {
				next, ok := decodeElement(b, i+1, leaf)
				if !ok {
					return wrong("an entry is cut off")
				}
				end = next.key
			}
			err := w.tree(e.page, depth+1, e.key, end, names)
			if err != nil {
				return err
			}
		case e.bucket:
			if err := w.bucket(e, id, depth, names); err != nil {
				return err
			}
		case w.each != nil && len(names) == 1:
			if err := w.each(names[0], e.key, e.value); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
	}
	return nil
}

func (w *walk) bucket(e element, id uint64, depth int, names []string) error {
	names = append(names[:len(names):len(names)], string(e.key))
	if len(e.value) < bucketSize {
		return fmt.Errorf("%w: page %d: a bucket is cut off", ErrDamaged, id)
	}
	if root := binary.NativeEndian.Uint64(e.value); root != 0 {
		return w.tree(root, depth+1, nil, nil, names)
	}
	inline := e.value[bucketSize:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != flagLeaf || depth+1 == maxDepth {
		return fmt.Errorf("%w: page %d: a bucket is cut off", ErrDamaged, id)
	}
	return w.elements(inline, id, depth+1, nil, nil, names)
}

// freelist looks whether what counts as free is in nobody's use: bbolt writes
// there.
func (w *walk) freelist() error {
	id := w.meta.freelist
	b, err := w.page(id, 0)
	if err != nil {
		return err
	}
	wrong := fmt.Errorf("%w: page %d: it is no freelist", ErrDamaged, id)
	if binary.NativeEndian.Uint16(b[8:]) != flagFreelist {
		return wrong
	}
	count, ids := uint64(binary.NativeEndian.Uint16(b[10:])), b[pageHeader:]
	if count == manyIDs {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return wrong
	}
	for ; count > 0; count, ids = count-1, ids[8:] {
		free := binary.NativeEndian.Uint64(ids)
		if free >= w.pages || w.used[free] {
			return fmt.Errorf("%w: page %d is free and in use", ErrDamaged, free)
		}
		w.used[free] = true
	}
	return nil
}
