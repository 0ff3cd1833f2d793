package cas

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/bsvsync/bsv/object"
)

// Get returns an object's plain bytes; the caller must not change them.
func (s *Store) Get(_ context.Context, id object.ID) ([]byte, error) {
	_, plain, err := s.get(id)
	return plain, err
}

func (s *Store) get(id object.ID) (object.Kind, []byte, error) {
	var last error
	for range 3 { // a pack may be rewritten between index and file
		p, i, err := s.find(id)
		if err == nil {
			kind, plain := p.object(i)
			return kind, plain, nil
		}
		if !isGone(err) {
			return 0, nil, err
		}
		last = err
	}
	return 0, nil, fmt.Errorf("read object %s: %w", id.Short(), last)
}

// find returns the opened block that holds an object.
func (s *Store) find(id object.ID) (*plainBlock, int, error) {
	s.mu.Lock()
	at, ok := s.pending[id]
	if ok {
		b := at.block
		if b.plain != nil { // slices of it stay valid: the block only grows
			p := *b.plain
			s.mu.Unlock()
			return &p, at.ordinal, nil
		}
		sealed, file, off, length := b.sealed, b.file, b.off, b.length
		s.mu.Unlock()
		if file == "" {
			p, err := s.cache.get(b, func() (*plainBlock, error) {
				p, _, err := s.seal.open(sealed)
				return p, err
			})
			return p, at.ordinal, err
		}
		p, err := s.load(file, off, length)
		return p, at.ordinal, err
	}
	s.mu.Unlock()
	l, pack, ok, err := s.index.find(id)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("object %s: %w", id.Short(), object.ErrMissing)
	}
	name := packName(pack.class, pack.id)
	p, err := s.load(name, l.off, l.length)
	if err != nil {
		return nil, 0, err
	}
	if int(l.ordinal) >= len(p.kinds) {
		return nil, 0, fmt.Errorf("%w: index entry of %s in %s", ErrDamaged, id.Short(), baseName(name))
	}
	if kind, plain := p.object(int(l.ordinal)); s.hash.Sum(kind, plain) != id {
		return nil, 0, fmt.Errorf("object %s of %s: %w: other bytes than its id says", id.Short(), baseName(name), ErrDamaged)
	}
	return p, int(l.ordinal), nil
}

type blockKey struct {
	name string
	off  uint32
}

func (s *Store) load(name string, off, length uint32) (*plainBlock, error) {
	return s.cache.get(blockKey{name, off}, func() (*plainBlock, error) {
		b, err := s.be.Read(name, int64(off), int(length))
		if err != nil {
			return nil, fmt.Errorf("read block: %w", err)
		}
		p, _, err := s.seal.open(b)
		if err != nil {
			return nil, fmt.Errorf("block at %d of %s: %w", off, baseName(name), err)
		}
		return p, nil
	})
}

// blockCache keeps the blocks that were opened last.
type blockCache struct {
	mu    sync.Mutex
	max   int
	size  int
	order list.List
	by    map[any]*list.Element
}

type cached struct {
	key any
	p   *plainBlock
}

func newBlockCache(limit int) *blockCache {
	return &blockCache{max: limit, by: map[any]*list.Element{}}
}

func (c *blockCache) get(key any, load func() (*plainBlock, error)) (*plainBlock, error) {
	c.mu.Lock()
	if e, ok := c.by[key]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(cached).p, nil
	}
	c.mu.Unlock()
	p, err := load()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.by[key]; !ok {
		c.by[key] = c.order.PushFront(cached{key, p})
		c.size += len(p.data)
	}
	for c.size > c.max && c.order.Len() > 1 {
		e := c.order.Back()
		old := c.order.Remove(e).(cached)
		delete(c.by, old.key)
		c.size -= len(old.p.data)
	}
	return p, nil
}

// Stream enumerates a file's bytes from an offset on, in pieces of at most a
// chunk.
func (s *Store) Stream(ctx context.Context, c object.Content, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		switch c.Kind {
		case 0:
			if from < uint64(len(c.Inline)) {
				yield([]byte(c.Inline)[from:], nil)
			}
		case object.KindChunk:
			b, err := s.Get(ctx, c.ID)
			if err == nil {
				b = b[min(from, uint64(len(b))):]
			}
			if err != nil || len(b) > 0 {
				yield(b, err)
			}
		default:
			for p, err := range object.Pieces(ctx, s, c.ID, from) {
				var b []byte
				if err == nil {
					b, err = s.Get(ctx, p.ID)
				}
				if err == nil && uint64(len(b)) != p.Length {
					err = fmt.Errorf("%w: chunk %s of another length than its list says", ErrDamaged, p.ID.Short())
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if p.Offset < from {
					b = b[from-p.Offset:]
				}
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}

// Reader is random access into a file's content.
type Reader struct {
	ctx  context.Context
	s    *Store
	c    object.Content
	size int64
}

// Open returns a reader of content with this size.
func (s *Store) Open(ctx context.Context, c object.Content, size uint64) *Reader {
	return &Reader{ctx, s, c, int64(size)}
}

// Size is the content's length in bytes.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d", off)
	}
	n := 0
	for b, err := range r.s.Stream(r.ctx, r.c, uint64(off)) {
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
		if n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}
