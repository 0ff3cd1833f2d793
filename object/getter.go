package object

import "context"

// Getter is everything that can hand out an object's plain bytes. The caller
// must not change the returned slice. A missing object is an error for which
// errors.Is(err, ErrMissing) holds.
type Getter interface {
	Get(ctx context.Context, id ID) ([]byte, error)
}

// Sink takes new objects. Put returns the object's id; the sink keeps no
// reference to plain after it returns. Putting an object again is cheap.
type Sink interface {
	Put(ctx context.Context, kind Kind, plain []byte) (ID, error)
}
