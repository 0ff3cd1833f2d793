package worktree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// leaf reads a file or a link. n is what the row has of it, or nil.
func (s *scanner) leaf(ctx context.Context, d vfs.Dir, path []string, c *child, n *rowName, src *sources) error {
	now := time.Now()
	c.same = false
	if rel := strings.Join(path, "/"); s.o.Written.has(rel) {
		was, had, err := src.baseEntry(c.name)
		if err != nil {
			return err
		}
		if had && s.o.Written.still(rel, c.seen, was) {
			c.entry, c.stat, c.ok = &was, statOf(c.name, c.seen, now), true
			s.touch(path, c.seen)
			return nil
		}
	}
	s.o.Fault.Hit("scan.file")
	e, st, err := s.read(ctx, d, path, c)
	if err != nil {
		if ctx.Err() != nil || !isPathError(err) {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		s.problem(path, err)
		return s.inherit(c, nil, src)
	}
	was, had, err := src.baseEntry(c.name)
	if err != nil {
		return err
	}
	if had && was.Kind == e.Kind {
		elsewhere := was.Mode & identityBits
		if n != nil && n.kind == e.Kind && n.inode == st.Inode {
			elsewhere &^= n.mode // these this very file had, and a person took them
		}
		e.Xattrs, e.Owner, e.Mode = was.Xattrs, was.Owner, e.Mode|elsewhere
	}
	c.entry, c.stat, c.ok = &e, statOf(c.name, st, now), true
	s.touch(path, st)
	s.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "snapshot", Path: s.virtual(path), Files: 1, Bytes: e.Size})
	return nil
}

// touch notes what has to be durable before somebody hears of it.
func (s *scanner) touch(path []string, st vfs.Stat) {
	switch st.Type {
	case 0:
		s.res.touched.file(path, st.Dev)
	case fs.ModeDir:
		s.res.touched.dir(path, st.Dev)
	}
}

// statOf is what the row keeps. A file that changed within the clock's
// granularity of its scan is not trusted next time.
func statOf(name string, st vfs.Stat, now time.Time) rowName {
	r := rowOf(name, st)
	if recent(r.mtime, r.ctime, now) {
		r.ctime = -1
	}
	return r
}

func rowOf(name string, st vfs.Stat) rowName {
	return rowName{name: name, kind: kindOf(st), mode: st.Mode, size: st.Size, mtime: st.MTime, ctime: st.CTime, inode: st.Inode}
}

// recent reports whether a change now might leave the times as they are: the
// clocks of file systems go in steps.
func recent(mtime, ctime int64, now time.Time) bool {
	window := 20 * time.Millisecond
	// A person's time may be whole seconds anywhere; the system's own says how
	// fine the file system's clock is.
	if mtime%int64(time.Second) == 0 && ctime%int64(time.Second) == 0 {
		window = 2 * time.Second
	}
	return now.UnixNano()-max(mtime, ctime) < int64(window) && mtime <= now.UnixNano()
}

// attempts is how often a file that changes under the reader is read.
const attempts = 3

func (s *scanner) read(ctx context.Context, d vfs.Dir, path []string, c *child) (object.Entry, vfs.Stat, error) {
	st := c.seen
	e := object.Entry{Name: c.name, MTime: st.MTime}
	if kindOf(st) == object.Symlink {
		target, err := d.Readlink(c.name)
		if err != nil {
			return e, st, err
		}
		e.Kind, e.Target = object.Symlink, target
		return e, st, e.Check()
	}
	f, err := openFile(d, c.name, st)
	if err != nil {
		return e, st, err
	}
	defer f.Close()
	for range attempts {
		in := &source{f: f, left: st.Size + 1, way: newUnderWay(s.o.Events, "snapshot", s.virtual(path), st.Size)} // a file that grows without end is not read without end
		content, n, err := s.o.Store.WriteFile(ctx, in, st.Size)
		if err != nil && in.err == nil { // the store's trouble is not the file's
			return e, st, &storeError{err}
		}
		if err != nil {
			return e, st, err
		}
		after, err := f.Stat()
		if err != nil {
			return e, st, err
		}
		if n == uint64(after.Size) && after.Size == st.Size && after.MTime == st.MTime && after.CTime == st.CTime {
			e.Kind, e.Content, e.Size, e.Mode, e.MTime = object.File, content, n, st.Mode, st.MTime
			return e, st, nil
		}
		st = after
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return e, st, err
		}
	}
	return e, st, &fs.PathError{Op: "read", Path: c.name, Err: errChanged}
}

// readIgnore reads the rules of a directory; none where there is no file of
// them.
func readIgnore(d vfs.Dir) (ignoreRules, error) {
	st, err := d.Lstat(ignoreName)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsRegular() {
		return ignoreRules{}, nil
	}
	if err != nil {
		return ignoreRules{}, err
	}
	f, err := openFile(d, ignoreName, st)
	if err != nil {
		return ignoreRules{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIgnore))
	return parseIgnore(string(b)), err
}

// source tells errors of reading the file from those of storing it.
type source struct {
	f    io.Reader
	left int64
	done int64
	way  *underWay
	err  error
}

func (r *source) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.left)])
	r.left, r.done = r.left-int64(n), r.done+int64(n)
	r.way.at(r.done)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// storeError is a failure of the store: it ends the scan.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }
