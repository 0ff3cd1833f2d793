package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A stamp is a small file beside a bbolt file: its size and time when it was
// closed whole. While they are the same its pages are not looked at again, which
// takes a tenth of a second for half a million keys. A stamp that is lost, or
// was not written, costs that once; it need not be durable.

const stampSuffix = ".whole"

func stampOf(fi fs.FileInfo) string {
	return fmt.Sprintf("%d %d\n", fi.Size(), fi.ModTime().UnixNano())
}

// stamped reports whether a file is as it was when it was closed.
func stamped(path string, fi fs.FileInfo) bool {
	b, err := os.ReadFile(path + stampSuffix)
	return err == nil && string(b) == stampOf(fi)
}

// stamp notes how a whole file is closed.
func stamp(path string) error {
	fi, err := os.Stat(path)
	if err != nil || stamped(path, fi) {
		return err
	}
	if err := unstamp(path); err != nil { // what stands there may be a link: another file's content must not go
		return err
	}
	f, err := os.OpenFile(path+stampSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(stampOf(fi))
	return errors.Join(err, f.Close())
}

func unstamp(path string) error {
	if err := os.Remove(path + stampSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
