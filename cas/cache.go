package cas

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"sync"
)

type blockKey struct {
	name string
	off  uint32
}

// load returns an opened block and keeps it.
func (s *Store) load(name string, off, length uint32) (*plainBlock, error) {
	return s.cache.get(blockKey{name, off}, false, func() (*plainBlock, error) { return s.read(name, off, length) })
}

// loadOnce is load for who will not ask again soon: a large object's own block
// pushes no others out.
func (s *Store) loadOnce(name string, off, length uint32) (*plainBlock, error) {
	return s.cache.get(blockKey{name, off}, true, func() (*plainBlock, error) { return s.read(name, off, length) })
}

// errCut: the pack of a block is gone, or ends before it.
var errCut = fmt.Errorf("%w: the pack is gone or cut off", ErrDamaged)

// read reads a block from its pack and opens it.
func (s *Store) read(name string, off, length uint32) (*plainBlock, error) {
	b, err := s.readSealed(name, off, length)
	if err != nil {
		return nil, err
	}
	p, err := s.seal.openHere(b)
	if err != nil {
		return nil, fmt.Errorf("block at %d of %s: %w", off, baseName(name), err)
	}
	return p, nil
}

func (s *Store) readSealed(name string, off, length uint32) ([]byte, error) {
	b, err := s.be.Read(name, int64(off), int(length))
	if isGone(err) || errors.Is(err, io.ErrUnexpectedEOF) { // what is wrong is the pack, and no file of a person
		return nil, fmt.Errorf("block at %d of %s: %w", off, baseName(name), errCut)
	}
	if err != nil {
		return nil, fmt.Errorf("read block: %w", err)
	}
	return b, nil
}

// blockCache keeps the blocks that were opened last, up to max plain bytes.
type blockCache struct {
	mu      sync.Mutex
	max     int
	size    int
	order   list.List
	by      map[any]*list.Element
	loading map[any]*loading
}

type cached struct {
	key any
	p   *plainBlock
}

// loading is a block on its way, for all who want it.
type loading struct {
	done chan struct{}
	p    *plainBlock
	err  error
}

func newBlockCache(limit int) *blockCache {
	return &blockCache{max: limit, by: map[any]*list.Element{}, loading: map[any]*loading{}}
}

// get returns a block that is kept, or the one that load returns. That is kept,
// but not if it is asked for once and holds one large object. Who asks while it
// is being loaded waits for it, and for its error.
func (c *blockCache) get(key any, once bool, load func() (*plainBlock, error)) (*plainBlock, error) {
	c.mu.Lock()
	if e, ok := c.by[key]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(cached).p, nil
	}
	l, ok := c.loading[key]
	if ok {
		c.mu.Unlock()
		<-l.done
		return l.p, l.err
	}
	l = &loading{done: make(chan struct{}), err: errUnread}
	c.loading[key] = l
	c.mu.Unlock()
	defer c.loaded(key, l, once)
	l.p, l.err = load()
	return l.p, l.err
}

// errUnread is what those get who waited for somebody that panicked.
var errUnread = errors.New("a block was not read to its end")

func (c *blockCache) loaded(key any, l *loading, once bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.loading, key)
	if l.err == nil && !(once && len(l.p.kinds) == 1 && len(l.p.data) >= aloneAt) {
		c.add(key, l.p)
	}
	close(l.done)
}

func (c *blockCache) add(key any, p *plainBlock) {
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
}
