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
	return os.WriteFile(path+stampSuffix, []byte(stampOf(fi)), 0o600)
}

func unstamp(path string) error {
	if err := os.Remove(path + stampSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
