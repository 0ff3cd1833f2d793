package cas

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bsvsync/bsv/internal/vfs"
)

// openIndex opens the index and makes it cover exactly the packs on disk. A
// damaged one is built again. On a full disk it stays as it is.
func (s *Store) openIndex(ctx context.Context) (err error) {
	for range 2 {
		if err = s.tryIndex(ctx, false); err == nil || ctx.Err() != nil {
			return err
		}
		s.closeIndex()
		if errors.Is(err, ErrNewer) {
			return err
		}
		if vfs.NoSpace(err) && s.scratch == "" {
			if serr := s.scratchIndex(ctx, err); serr != nil {
				return errors.Join(err, serr)
			}
			return nil
		}
		s.log.Warn("building index.db again from the packs", "err", err)
		if rerr := removeIndex(s.path); rerr != nil {
			return errors.Join(err, rerr)
		}
	}
	return err
}

func (s *Store) closeIndex() {
	if s.index == nil {
		return
	}
	if err := s.index.close(); err != nil {
		s.log.Warn("close index", "err", err)
	}
	s.index = nil
}

// readIndex opens the index where nothing can be written. One that is damaged,
// or does not name exactly the packs that are there, is left as it is: another
// is built for as long as the store is open.
func (s *Store) readIndex(ctx context.Context) error {
	err := s.tryIndex(ctx, true)
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrNewer) {
		return err
	}
	s.closeIndex()
	return s.scratchIndex(ctx, err)
}

// scratchIndex builds an index for as long as the store is open; what is put
// meanwhile the next one adopts.
func (s *Store) scratchIndex(ctx context.Context, why error) (err error) {
	s.log.Debug("building an index in a temporary directory", "err", why)
	if s.scratch, err = os.MkdirTemp("", "bsv-index-"); err != nil {
		return err
	}
	s.path = filepath.Join(s.scratch, "index.db")
	if err := s.openIndex(ctx); err != nil {
		return errors.Join(err, s.dropScratch())
	}
	return nil
}

func (s *Store) dropScratch() error {
	if s.scratch == "" {
		return nil
	}
	return os.RemoveAll(s.scratch)
}

func (s *Store) tryIndex(ctx context.Context, readOnly bool) error {
	x, err := openIndex(s.path, readOnly, s.fault)
	if err != nil {
		return err
	}
	s.index = x
	known, err := x.packs()
	if err != nil {
		return err
	}
	var found []filedPack
	n, objects := 0, 0
	for f, err := range s.be.List("packs") {
		if err != nil {
			return err
		}
		class, id, ok := parsePackName(f.Name)
		if !ok {
			continue
		}
		if p, ok := known[id]; ok && !p.part {
			if p.class != class || p.size != f.Size { // what the index says of it is wrong
				return fmt.Errorf("%w: the index names another %s", ErrDamaged, baseName(f.Name))
			}
			delete(known, id)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		blocks, err := readTable(s.be, f.Name, f.Size)
		if errors.Is(err, ErrDamaged) {
			s.log.Warn("reading a pack without its table", "pack", f.Name, "err", err)
			blocks, err = scanBlocks(s.be, s.seal, s.hash, f.Name)
		}
		if errors.Is(err, ErrDamaged) {
			s.log.Error("a pack cannot be read", "pack", f.Name, "err", err)
			continue
		}
		if err != nil {
			return err
		}
		delete(known, id)
		found = append(found, filedPack{class, id, f.Size, blocks})
		n++
		for _, b := range blocks {
			objects += len(b.ids)
		}
		if len(found) == 64 || objects >= fileAt {
			if err := x.add(found, false, nil); err != nil {
				return err
			}
			found, objects = nil, 0
		}
	}
	if len(known) > 0 { // packs are gone: what the index says of them is wrong
		return fmt.Errorf("%w: it names %d packs that are not there", ErrIndex, len(known))
	}
	if len(found) == 0 {
		return nil
	}
	s.log.Debug("adopting packs", "n", n)
	return x.add(found, false, nil)
}
