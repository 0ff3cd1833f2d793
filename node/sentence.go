package node

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bsvsync/bsv/cas"
)

// sentence says what failed and why without the chain of operations around it,
// which Error.Err keeps.
func sentence(err error) string {
	var pe *fs.PathError
	path := errors.As(err, &pe) && filepath.IsAbs(pe.Path)
	switch {
	case path && (errors.Is(pe.Err, syscall.ENOSPC) || errors.Is(pe.Err, syscall.EDQUOT)):
		dir := filepath.Dir(pe.Path)
		if home, _, ok := strings.Cut(dir, string(filepath.Separator)+"repo"+string(filepath.Separator)); ok {
			dir = home // the name of a pack tells nobody anything
		}
		return fmt.Sprintf("the disk of %s is full: %v", dir, pe.Err)
	case path && errors.Is(pe.Err, fs.ErrPermission):
		return fmt.Sprintf("%s: %v", pe.Path, pe.Err)
	case errors.Is(err, cas.ErrDamaged):
		if pack := innermost(err, ".pack"); pack != nil {
			return pack.Error()
		}
	}
	return once(err.Error())
}

// innermost is the last error of a chain whose text holds part.
func innermost(err error, part string) error {
	if err == nil || !strings.Contains(err.Error(), part) {
		return nil
	}
	var inner []error
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		inner = []error{x.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = x.Unwrap()
	}
	for _, e := range inner {
		if found := innermost(e, part); found != nil {
			return found
		}
	}
	return err
}
