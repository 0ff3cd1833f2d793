package cas

import (
	"context"
	"io"

	"github.com/bsvsync/bsv/object"
)

// Dry names what it is given as the store would, and stores nothing: for who
// compares files with the store, or asks what would be stored. It holds trees and
// lists in memory until it is dropped; of the content of files it holds nothing.
// It is safe for concurrent use.
type Dry struct {
	s    *Store
	over *object.Overlay
}

// Dry returns one that reads what is in the store.
func (s *Store) Dry() *Dry { return &Dry{s, object.NewOverlay(s, s.hash)} }

// Hasher is the store's.
func (d *Dry) Hasher() *object.Hasher { return d.s.Hasher() }

// Get reads a tree or list that was put, or what is in the store.
func (d *Dry) Get(ctx context.Context, id object.ID) ([]byte, error) { return d.over.Get(ctx, id) }

// Put names an object. A chunk is not there afterwards.
func (d *Dry) Put(ctx context.Context, kind object.Kind, plain []byte) (object.ID, error) {
	if kind == object.KindChunk && len(plain) > object.InlineMax {
		return d.s.hash.Sum(kind, plain), nil
	}
	return d.over.Put(ctx, kind, plain)
}

// WriteFile names a file's content as Store.WriteFile does.
func (d *Dry) WriteFile(ctx context.Context, r io.Reader, size int64) (object.Content, uint64, error) {
	return d.s.writeFile(ctx, d, r, size)
}

// Missing returns the objects that are neither here nor in the store.
func (d *Dry) Missing(ctx context.Context, ids []object.ID) ([]object.ID, error) {
	var ask []object.ID
	for _, id := range ids {
		if !d.over.Has(id) {
			ask = append(ask, id)
		}
	}
	return d.s.Missing(ctx, ask)
}
