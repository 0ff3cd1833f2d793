package object

import (
	"context"
	"sync"
)

// Overlay keeps new objects in memory over a Getter. It is safe for
// concurrent use.
type Overlay struct {
	Base Getter // may be nil
	Hash *Hasher
	mu   sync.Mutex
	objs map[ID]overlaid
	ids  []ID
}

type overlaid struct {
	kind  Kind
	plain []byte
}

// NewOverlay returns an overlay without objects of its own.
func NewOverlay(base Getter, h *Hasher) *Overlay {
	return &Overlay{Base: base, Hash: h, objs: map[ID]overlaid{}}
}

// Get reads an own object or one of the base.
func (o *Overlay) Get(ctx context.Context, id ID) ([]byte, error) {
	o.mu.Lock()
	v, ok := o.objs[id]
	o.mu.Unlock()
	if ok {
		return v.plain, nil
	}
	if o.Base == nil {
		return nil, ErrMissing
	}
	return o.Base.Get(ctx, id)
}

// Put keeps an object.
func (o *Overlay) Put(_ context.Context, kind Kind, plain []byte) (ID, error) {
	id := o.Hash.Sum(kind, plain)
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.objs[id]; !ok {
		o.objs[id] = overlaid{kind, append([]byte(nil), plain...)}
		o.ids = append(o.ids, id)
	}
	return id, nil
}

// All calls f with the own objects in the order in which they came, so that
// children stand before parents.
func (o *Overlay) All(f func(id ID, kind Kind, plain []byte) error) error {
	o.mu.Lock()
	ids := o.ids
	o.mu.Unlock()
	for _, id := range ids {
		o.mu.Lock()
		v := o.objs[id]
		o.mu.Unlock()
		if err := f(id, v.kind, v.plain); err != nil {
			return err
		}
	}
	return nil
}

// Has reports whether an object is one of its own.
func (o *Overlay) Has(id ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.objs[id]
	return ok
}

// Len is the number of own objects.
func (o *Overlay) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.ids)
}
