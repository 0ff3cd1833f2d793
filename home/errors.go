package home

import (
	"errors"
	"fmt"
)

// What callers tell apart. All are matched by errors.Is.
var (
	ErrNoHome     = errors.New("no bsv home here")
	ErrNoKeys     = errors.New("keys/device is missing beside a repository")
	ErrBusy       = errors.New("busy")
	ErrNewer      = errors.New("written by a newer bsv")
	ErrConfig     = errors.New("damaged configuration")
	ErrDamaged    = errors.New("damaged home")
	ErrClosed     = errors.New("home is closed")
	ErrReadOnly   = errors.New("its file system is read-only")
	ErrNotDir     = errors.New("a file stands where the home should be")
	ErrSocketPath = errors.New("no usable place for the socket")
)

// BusyError says who holds the lock. It matches ErrBusy.
type BusyError struct {
	Path  string // the lock file
	Owner Owner
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("home is in use by %s", e.Owner)
}

// Is reports whether target is ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// DamageError is a file of the home that is not what it should be, and what
// helps. It matches ErrDamaged.
type DamageError struct {
	File   string
	Reason string
	Hint   string
}

func (e *DamageError) Error() string { return e.File + ": " + e.Reason }

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// ConfigError is one fault of config.toml. It matches ErrConfig.
type ConfigError struct {
	File   string
	Line   int    // from 1; 0 when the fault has no place in the text
	Column int    // from 1
	Key    string // dotted, as written; may be empty
	Msg    string
	Meant  string // the key that was probably meant; may be empty
	Hint   string // what helps, where that is not to correct the line
}

func (e *ConfigError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	s += ": " + e.Msg
	if e.Meant != "" {
		s += fmt.Sprintf(" (did you mean %q?)", e.Meant)
	}
	return s
}

// Is reports whether target is ErrConfig.
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }
