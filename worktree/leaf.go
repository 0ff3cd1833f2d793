package worktree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
)

// leaf reads a file or a link.
func (s *scanner) leaf(ctx context.Context, d *directory, path []string, c *child, src *sources) error {
	now := time.Now()
	c.same = false
	if w, ok := s.o.Written.get(strings.Join(path, "/")); ok && w.stat.same(c.fi) {
		c.entry, c.stat, c.ok = w.entry, statOf(c.name, c.fi, now), true
		return nil
	}
	s.o.Fault.Hit("scan.file")
	e, fi, err := s.read(ctx, d, c)
	if err != nil {
		if ctx.Err() != nil || !isPathError(err) {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		s.problem(path, err)
		return s.inherit(c, src)
	}
	was, had, err := src.baseEntry(c.name)
	if err != nil {
		return err
	}
	if had && was.Kind == e.Kind {
		e.Xattrs, e.Owner = was.Xattrs, was.Owner
	}
	c.entry, c.stat, c.ok = e, statOf(c.name, fi, now), true
	s.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "snapshot", Path: s.virtual(path), Files: 1, Bytes: e.Size})
	return nil
}

// statOf is what the row keeps. A file that changed within the clock's
// granularity of its scan is not trusted next time.
func statOf(name string, fi fs.FileInfo, now time.Time) rowName {
	r := rowName{name: name, kind: kindOf(fi), mode: permOf(fi), size: fi.Size(), mtime: fi.ModTime().UnixNano(), ctime: ctimeOf(fi), inode: inodeOf(fi)}
	window := 20 * time.Millisecond
	if r.mtime%int64(time.Second) == 0 {
		window = 2 * time.Second
	}
	if now.UnixNano()-max(r.mtime, r.ctime) < int64(window) && r.mtime <= now.UnixNano() {
		r.ctime = -1
	}
	return r
}

// attempts is how often a file that changes under the reader is read.
const attempts = 3

func (s *scanner) read(ctx context.Context, d *directory, c *child) (object.Entry, fs.FileInfo, error) {
	e := object.Entry{Name: c.name, MTime: c.fi.ModTime().UnixNano()}
	if kindOf(c.fi) == object.Symlink {
		target, err := d.Readlink(c.name)
		if err != nil {
			return e, nil, err
		}
		e.Kind, e.Target = object.Symlink, target
		return e, c.fi, e.Check()
	}
	f, err := d.openFile(c.name, c.fi)
	if err != nil {
		return e, nil, err
	}
	defer f.Close()
	fi := c.fi
	for range attempts {
		in := &source{f: f}
		content, n, err := s.o.Store.WriteFile(ctx, in, fi.Size())
		if err != nil && in.err == nil { // the store's trouble is not the file's
			return e, nil, &storeError{err}
		}
		if err != nil {
			return e, nil, err
		}
		after, err := f.Stat()
		if err != nil {
			return e, nil, err
		}
		if n == uint64(after.Size()) && after.Size() == fi.Size() && after.ModTime().Equal(fi.ModTime()) && ctimeOf(after) == ctimeOf(fi) {
			e.Kind, e.Content, e.Size, e.Mode, e.MTime = object.File, content, n, permOf(fi), fi.ModTime().UnixNano()
			return e, fi, nil
		}
		fi = after
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return e, nil, err
		}
	}
	return e, nil, &fs.PathError{Op: "read", Path: c.name, Err: errChanged}
}

func (s *scanner) readIgnore(d *directory, path []string) ignoreRules {
	r, err := readIgnore(d)
	if err != nil {
		s.problem(join(path, ignoreName), err)
	}
	return r
}

func readIgnore(d *directory) (ignoreRules, error) {
	fi, err := d.Lstat(ignoreName)
	if err != nil || !fi.Mode().IsRegular() {
		return ignoreRules{}, err
	}
	f, err := d.openFile(ignoreName, fi)
	if err != nil {
		return ignoreRules{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIgnore))
	return parseIgnore(string(b)), err
}

// source tells errors of reading the file from those of storing it.
type source struct {
	f   *os.File
	err error
}

func (r *source) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// storeError is a failure of the store: it ends the scan.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }
