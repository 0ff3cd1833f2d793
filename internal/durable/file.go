package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
)

// Write replaces the file name with data. tmp, unique to the writer, is the
// suffix of the temporary file. point names the step for fault injection:
// point+".written", ".synced", ".renamed".
func Write(fsys vfs.FS, name, tmp string, data []byte, perm fs.FileMode, in *fault.Injector, point string) (err error) {
	temp := name + tmp
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", filepath.Base(name), err)
		}
	}()
	f, err := fsys.Create(temp, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	in.Hit(point + ".written")
	if err == nil {
		err = f.Sync()
	}
	in.Hit(point + ".synced")
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(fsys.Remove(temp)))
	}
	in.Hit(point + ".renamed")
	return fsys.SyncDir(filepath.Dir(name))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
