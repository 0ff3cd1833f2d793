package object

import "errors"

// ErrMissing is what a Getter returns for an object that it does not hold.
var ErrMissing = errors.New("object missing")

// ErrLimit is wrapped by errors about values beyond the limits of limits.go.
var ErrLimit = errors.New("limit exceeded")

// ErrName is wrapped by errors about names that no directory can hold: empty,
// ".", "..", longer than MaxName, or with '/' or NUL.
var ErrName = errors.New("invalid name")
