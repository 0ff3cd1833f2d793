package object

import "errors"

// ErrMissing is what a Getter returns for an object that it does not hold.
var ErrMissing = errors.New("object missing")
