package node

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/vfs"
)

// sentence says what failed and why without the chain of operations around it,
// which Error.Err keeps.
func sentence(err error) string {
	var pe *fs.PathError
	path := errors.As(err, &pe) && filepath.IsAbs(pe.Path)
	switch {
	case path && (errors.Is(pe.Err, syscall.ENOSPC) || errors.Is(pe.Err, syscall.EDQUOT)):
		return fmt.Sprintf("the disk of %s is full: %v", diskOf(pe.Path), pe.Err)
	case path && errors.Is(pe.Err, syscall.EROFS):
		return fmt.Sprintf("nothing can be written in %s: %v", diskOf(pe.Path), pe.Err)
	case path && errors.Is(pe.Err, fs.ErrPermission):
		return fmt.Sprintf("%s: %v", pe.Path, pe.Err)
	case errors.Is(err, cas.ErrDamaged):
		if pack := innermost(err, ".pack"); pack != nil {
			return pack.Error()
		}
	}
	return once(err.Error())
}

// diskOf is the directory of a file, or bsv's home: the name of a pack tells
// nobody anything.
func diskOf(file string) string {
	dir := filepath.Dir(file)
	if home, _, ok := strings.Cut(dir, string(filepath.Separator)+"repo"+string(filepath.Separator)); ok {
		return home
	}
	return dir
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

// below names the place of an error that knows only its last name, when the
// disk there takes nothing.
func below(dir string, err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) || filepath.IsAbs(pe.Path) || !vfs.NoSpace(pe.Err) && !errors.Is(pe.Err, syscall.EROFS) {
		return err
	}
	return errors.Join(&fs.PathError{Op: pe.Op, Path: filepath.Join(dir, pe.Path), Err: pe.Err}, err)
}
