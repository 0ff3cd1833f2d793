package proto

import (
	"io"
	"time"
)

// Stream is an ordered, reliable stream to a peer whose identity is proven.
type Stream interface {
	io.Reader
	io.Writer
	io.Closer
	CloseWrite() error
	Reset() error
	SetDeadline(t time.Time) error
}
