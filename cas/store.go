package cas

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

// Options of Open.
type Options struct {
	Backend     Backend
	Index       string // path of index.db
	Keys        *keyring.Keys
	Device      object.DeviceID
	Compression string // "fastest" or "default"
	ReadOnly    bool   // Index is not written: where it is not right, one is built in a temporary directory
	Log         *slog.Logger
	Fault       *fault.Injector
	// Forgotten is told of what Forget left out: a damaged block, if it is one,
	// and the generation that the index has then; see Suspect. It must not call
	// the store.
	Forgotten func(p Place, generation [16]byte)
}

// Store is an open store.
type Store struct {
	be       Backend
	path     string
	scratch  string // directory of an index that ends with the store; empty: none
	hash     *object.Hasher
	chunks   Chunker
	seal     *sealer
	device   object.DeviceID
	session  uint64
	log      *slog.Logger
	fault    *fault.Injector
	cache    *blockCache
	added    atomic.Uint64 // bytes of new blocks
	forgot   atomic.Uint64 // rollbacks
	seals    atomic.Uint64 // blocks sealed
	ahead    atomic.Int32  // pieces that streams read ahead
	slots    int32         // how many those may be
	target   func(Class) int
	segments segments

	forgotten func(Place, [16]byte)

	gate     sync.RWMutex // writers hold it shared; Commit takes the cut exclusively
	commitMu sync.Mutex
	piled    int // small packs of a class, at most; 0 before Compact has looked. commitMu guards it

	mu      sync.Mutex // guards what follows
	index   *index
	pending map[object.ID]place
	open    [3]*memBlock
	packs   [3]*openPack
	writing []*openPack // full packs on their way to the disk: a commit waits for them
	unfiled []*openPack // full packs whose writing failed: the next commit tries again
	filed   []filedPack
	err     error
	stamps  map[string]int64 // of the directories of packs, see Notice
	there   map[uint32]bool  // packs that were seen since the last commit, by number

	unindexed   int // objects of filed
	manyObjects int // see the constants
	fileAt      int
	early       []packID // indexed since the last commit; commitMu guards it
}

// place is where a pending object is.
type place struct {
	block   *memBlock
	ordinal int
}

// memBlock is a block on its way: open or sealing (plain), sealed, or in a
// durable pack (file).
type memBlock struct {
	class  Class
	plain  *plainBlock
	ids    []object.ID
	sealed []byte
	file   string
	off    uint32
	length uint32
}

// Open opens a store: it adopts packs that the index does not know, forgets
// those that are gone, and builds a new index when the old one is damaged.
func Open(ctx context.Context, o Options) (*Store, error) {
	chunks, err := newChunker(o.Keys.ChunkSeed)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	comp, err := newCompressor(o.Compression)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{
		be: o.Backend, path: o.Index, hash: object.NewHasher(o.Keys.ID, o.Keys.Split), chunks: chunks,
		seal: newSealer(o.Keys, comp), device: o.Device, log: o.Log, fault: o.Fault, cache: newBlockCache(32 << 20),
		forgotten: o.Forgotten, stamps: map[string]int64{}, there: map[uint32]bool{},
		segments: newSegments(), pending: map[object.ID]place{}, target: Class.target, manyObjects: manyObjects, fileAt: fileAt, slots: int32(2*runtime.GOMAXPROCS(0) + 2),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var b [8]byte
	rand.Read(b[:])
	s.session = binary.LittleEndian.Uint64(b[:])
	if s.stamps, err = s.changed(); err != nil { // before the packs are listed
		return nil, fmt.Errorf("open store: %w", err)
	}
	open := s.openIndex
	if o.ReadOnly {
		open = s.readIndex
	}
	if err := open(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// Hasher returns the vault's hasher.
func (s *Store) Hasher() *object.Hasher { return s.hash }

// Generation names the index: it changes whenever the index is built anew,
// which is also what happens when packs have gone, and when Forget forgets.
// What somebody derives from the presence of objects holds for one generation
// only.
func (s *Store) Generation() [16]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.generation
}

// Serial is how many packs were ever added to the index of this generation. It
// only grows: where it is smaller than it was, an older copy of the index was put
// back.
func (s *Store) Serial() (uint64, error) {
	s.mu.Lock()
	x := s.index
	s.mu.Unlock()
	return x.serial()
}

// Added is how many bytes of new blocks this store made since it was opened.
func (s *Store) Added() uint64 { return s.added.Load() }

func (s *Store) fail(err error) error {
	if err == nil || !errors.Is(err, ErrPoisoned) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return err
}

func (s *Store) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Has reports for each id whether the store holds it.
func (s *Store) Has(_ context.Context, ids []object.ID) ([]bool, error) {
	out := make([]bool, len(ids))
	s.mu.Lock()
	for i, id := range ids {
		_, out[i] = s.pending[id]
	}
	s.mu.Unlock()
	return out, s.index.has(ids, out)
}

// Missing returns the ids that the store does not hold.
func (s *Store) Missing(ctx context.Context, ids []object.ID) ([]object.ID, error) {
	has, err := s.Has(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []object.ID
	for i, id := range ids {
		if !has[i] {
			out = append(out, id)
		}
	}
	return out, nil
}

// Put takes an object. It is readable at once and durable after Commit.
func (s *Store) Put(ctx context.Context, kind object.Kind, plain []byte) (object.ID, error) {
	if len(plain) > object.MaxObject {
		return object.ID{}, fmt.Errorf("put: %w: an object of %d bytes", object.ErrLimit, len(plain))
	}
	id := s.hash.Sum(kind, plain)
	if ok, err := s.holds(ctx, id); ok || err != nil {
		return id, err
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if len(plain) >= aloneAt {
		return id, s.fail(s.putAlone(id, kind, plain))
	}
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return id, s.err
	}
	if _, ok := s.pending[id]; ok {
		s.mu.Unlock()
		return id, nil
	}
	class := classOf(kind)
	b := s.open[class]
	var full *memBlock
	if b != nil && (len(b.plain.data)+len(plain) > blockTarget || len(b.ids) == maxCount) {
		full, b = b, nil
	}
	if b == nil {
		b = &memBlock{class: class, plain: &plainBlock{data: make([]byte, 0, blockTarget)}}
		s.open[class] = b
	}
	s.pending[id] = place{b, len(b.ids)}
	b.ids = append(b.ids, id)
	b.plain.add(kind, plain)
	s.mu.Unlock()
	if full == nil {
		return id, nil
	}
	return id, s.fail(s.finish(full))
}

// putAlone takes an object that has a block of its own. It is sealed from the
// caller's bytes before it is pending: nobody holds on to them. Two at once of
// the same object are rare, and one is dropped.
func (s *Store) putAlone(id object.ID, kind object.Kind, plain []byte) error {
	b := &memBlock{class: classOf(kind), ids: []object.ID{id}}
	sealed, err := s.sealed(b.class, &plainBlock{kinds: []object.Kind{kind}, ends: []int{len(plain)}, data: plain})
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	if _, ok := s.pending[id]; ok {
		s.mu.Unlock()
		return nil
	}
	b.sealed = sealed
	s.pending[id] = place{b, 0}
	s.mu.Unlock()
	return s.keep(b, sealed)
}

// finish seals a block and puts it into its pack; a full pack is written.
// The caller holds the gate shared.
func (s *Store) finish(b *memBlock) error {
	sealed, err := s.sealed(b.class, b.plain)
	if err != nil { // its objects count as pending, but no commit will find them
		return err
	}
	return s.keep(b, sealed)
}

// sealed seals a block and opens one in 64 again, to compare. An error poisons
// the store.
func (s *Store) sealed(class Class, p *plainBlock) ([]byte, error) {
	sealed, err := s.seal.seal(class, p)
	if err != nil {
		return nil, errors.Join(ErrPoisoned, fmt.Errorf("seal block: %w", err))
	}
	if s.seals.Add(1)%64 == 1 {
		if back, _, err := s.seal.open(sealed); err != nil || !bytes.Equal(back.data, p.data) {
			return nil, errors.Join(ErrPoisoned, fmt.Errorf("a sealed block does not open again: %w", err))
		}
	}
	return sealed, nil
}

// Commit makes everything that was put before durable and indexed.
func (s *Store) Commit(ctx context.Context) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	return s.commit(ctx)
}

func (s *Store) commit(context.Context) error {
	if err := s.failed(); err != nil {
		return err
	}
	packs, writing, err := s.cut()
	if err != nil {
		return fmt.Errorf("commit: %w", s.fail(err))
	}
	for _, p := range writing {
		<-p.written
	}
	s.mu.Lock()
	err = s.err
	packs = append(packs, s.unfiled...)
	s.unfiled = nil
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	var errs []error
	for _, p := range packs {
		errs = append(errs, s.writePack(p))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("commit: %w", s.fail(err))
	}
	if err := s.file(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.early = nil
	s.mu.Lock()
	clear(s.there)
	s.mu.Unlock()
	return nil
}

// file covers the packs that are durable with the index. The caller holds
// commitMu.
func (s *Store) file() error {
	s.mu.Lock()
	filed := s.filed
	s.mu.Unlock()
	if len(filed) == 0 {
		return nil
	}
	s.fault.Hit("cas.index.begin")
	if err := s.index.add(filed, false, nil); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	s.fault.Hit("cas.index.written")
	if s.piled > 0 {
		s.piled += len(filed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filed = slices.Clone(s.filed[len(filed):])
	for _, p := range filed {
		s.early = append(s.early, p.id)
		for _, b := range p.blocks {
			s.unindexed -= len(b.ids)
			for _, id := range b.ids {
				if at, ok := s.pending[id]; ok && at.block.file != "" {
					delete(s.pending, id)
				}
			}
		}
	}
	return nil
}

// unfile removes packs that were written and not committed; the index forgets
// before what it has of them.
func (s *Store) unfile(ids []packID, written []filedPack) error {
	known, err := s.index.packs()
	if err != nil {
		return err
	}
	var names []string
	var packs []indexedPack
	var tables [][]packBlock
	for _, id := range ids {
		p, ok := known[id]
		if !ok { // not indexed yet, or merged with others by now
			continue
		}
		table, err := readTable(s.be, packName(p.class, id), p.size)
		if err != nil {
			return err
		}
		packs, tables, names = append(packs, p), append(tables, table), append(names, packName(p.class, id))
	}
	if len(packs) > 0 {
		err = s.index.drop(packs, tables)
	}
	if err != nil {
		return err
	}
	for _, p := range written {
		if _, ok := known[p.id]; !ok {
			names = append(names, packName(p.class, p.id))
		}
	}
	var errs []error
	for _, name := range names {
		if err := s.be.Remove(name); err != nil && !isGone(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// cut seals the open blocks and takes the open packs, at a moment when no
// writer is under way; writing are the packs that others write by then.
func (s *Store) cut() (packs, writing []*openPack, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	for _, class := range []Class{Data, Meta} {
		s.mu.Lock()
		b := s.open[class]
		s.open[class] = nil
		s.mu.Unlock()
		if b == nil {
			continue
		}
		sealed, err := s.sealed(class, b.plain)
		if err != nil { // as in finish
			return nil, nil, err
		}
		if p := s.add(b, sealed); p != nil {
			packs = append(packs, p)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, class := range []Class{Data, Meta} {
		if p := s.packs[class]; p != nil {
			packs = append(packs, p)
			s.packs[class] = nil
		}
	}
	return packs, slices.Clone(s.writing), nil
}

// Close releases the index; what was not committed is gone.
func (s *Store) Close() error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.seal.comp.close()
	return errors.Join(s.index.close(), s.dropScratch())
}

// Stats is what a store holds.
type Stats struct {
	Packs   int    `json:"packs"`
	Bytes   uint64 `json:"bytes"`
	Objects int    `json:"objects"`
}

// Stats counts packs, their bytes, and objects.
func (s *Store) Stats(context.Context) (Stats, error) {
	var st Stats
	packs, err := s.index.packs()
	if err != nil {
		return st, err
	}
	for _, p := range packs {
		st.Packs++
		st.Bytes += uint64(p.size)
	}
	st.Objects, err = s.index.count()
	return st, err
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func baseName(name string) string { return path.Base(name) }
