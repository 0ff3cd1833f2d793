package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// manifest describes a directory by path: kind, mode, mtime, content or
// target. The marker of a mapping is not part of it.
type manifest map[string]string

func listing(t *testing.T, dir string) manifest {
	t.Helper()
	m := manifest{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running node works in it
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "." || rel == ".bsvmap" {
			return err
		}
		st, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case st.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			m[rel] = fmt.Sprintf("file %v %d %d %x", st.Mode(), st.ModTime().UnixNano(), len(b), sha256.Sum256(b))
		case st.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			m[rel] = "link " + to
		default:
			m[rel] = fmt.Sprintf("%v", st.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// differences lists up to ten paths that differ.
func (m manifest) differences(o manifest) []string {
	var diff []string
	for p, v := range m {
		if w, ok := o[p]; !ok {
			diff = append(diff, fmt.Sprintf("%q only in the first: %s", p, v))
		} else if v != w {
			diff = append(diff, fmt.Sprintf("%q: %s != %s", p, v, w))
		}
	}
	for p, v := range o {
		if _, ok := m[p]; !ok {
			diff = append(diff, fmt.Sprintf("%q only in the second: %s", p, v))
		}
	}
	sort.Strings(diff)
	return diff[:min(len(diff), 10)]
}

func same(t *testing.T, what string, want, got manifest) {
	t.Helper()
	if d := want.differences(got); len(d) > 0 {
		t.Fatalf("%s: the trees differ:\n%s", what, lines(d))
	}
}

func lines(l []string) string {
	s := ""
	for _, x := range l {
		s += "  " + x + "\n"
	}
	return s
}
