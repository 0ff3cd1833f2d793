package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// watches are the watched directories of a mapping. fsnotify knows them by the
// path they were added with: it goes on to report what happens in a renamed
// directory under the old path, drops the directory itself whenever it comes to
// the kernel's word of the rename, and takes an Add of what it knows under
// another path for done. So the set is kept here, as a tree: whatever appears
// or goes away is forgotten with all below it, and what then stands there is
// added anew. A path is removed before it is added, and a directory that is
// known at another place is forgotten there first, so that fsnotify never knows
// two paths of one directory or two directories of one path.
type watches struct {
	w       *fsnotify.Watcher
	m       Mapping
	limited func(error)
	missed  chan struct{}       // has an element when events were lost
	root    *watched            // nil: the mapped directory is away
	stood   fs.FileInfo         // what the root was
	marked  bool                // the marker is watched
	files   map[fileID]*watched // by what the kernel knows them as
}

// watched is a directory in the set.
type watched struct {
	name  string
	up    *watched // nil: the root
	file  fileID
	below map[string]*watched
	whole bool // it is watched, and all that it holds could be looked at
}

// fileID is what stays of a directory that is renamed; zero where that is not
// known.
type fileID struct{ dev, inode uint64 }

// newWatches watches all of a mapping; nothing while its disk is away. limited
// is told of what cannot be watched.
func newWatches(m Mapping, log *slog.Logger, limited func(error)) (*watches, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		err = fmt.Errorf("watch %s: %w", m.Path, err)
		limited(err)
		return nil, err
	}
	s := &watches{w: w, m: m, limited: limited, missed: make(chan struct{}, 1), files: map[fileID]*watched{}}
	go s.errors(log)
	if m.CheckMarker() != nil {
		return s, nil
	}
	if s.stood, err = os.Stat(m.Dir); err != nil {
		return s, nil
	}
	if err := w.Add(s.marker()); err != nil && !absent(err) {
		limited(err)
	} else {
		s.marked = true
	}
	s.add(m.Dir, nil, "", s.stood, nil)
	return s, nil
}

func (s *watches) close() error { return s.w.Close() }

// errors takes fsnotify's errors until it is closed, in a goroutine of its own:
// fsnotify may hold the lock that Add and Remove wait for until its error is
// taken.
func (s *watches) errors(log *slog.Logger) {
	for err := range s.w.Errors {
		switch {
		case errors.Is(err, fsnotify.ErrEventOverflow):
			select {
			case s.missed <- struct{}{}:
			default:
			}
		case errors.Is(err, syscall.EINVAL): // it removed a watch that the kernel had removed
		default:
			log.Warn("watch", "mapping", s.m.Path, "err", err)
		}
	}
}

func (s *watches) marker() string { return filepath.Join(s.m.Dir, markerName) }

// lost reports whether the set no longer is about what stands at the mapping's
// directory, or the disk of a set of nothing is back. No event tells of an
// unmounted disk, and one that was mounted again at once looks as before: but
// the kernel forgot all watches, that of the marker too, which can be taken
// away and put back without missing anything.
func (s *watches) lost() bool {
	if s.root == nil {
		return s.m.CheckMarker() == nil
	}
	now, err := os.Stat(s.m.Dir)
	return err != nil || !os.SameFile(now, s.stood) || s.marked && (s.w.Remove(s.marker()) != nil || s.w.Add(s.marker()) != nil)
}

// take notes an event, and watches what came with it; bsv's own names are
// none.
func (s *watches) take(e fsnotify.Event, b *burst) bool {
	rel, err := filepath.Rel(s.m.Dir, e.Name)
	if rel = filepath.ToSlash(rel); err != nil || rel == ".." || strings.HasPrefix(rel, "../") || reserved(filepath.Base(e.Name)) {
		return false
	}
	moved := e.Has(fsnotify.Create) || e.Has(fsnotify.Rename) || e.Has(fsnotify.Remove)
	if rel == "." {
		rel = ""
		b.anew = b.anew || moved
	}
	dir, _ := splitPath(rel)
	b.mark(dir)
	if b.anew {
		return true
	}
	switch n := s.find(rel); {
	case moved && n != nil:
		s.forget(n)
		s.look(rel, b)
	case e.Has(fsnotify.Create):
		s.look(rel, b)
	case !e.Has(fsnotify.Chmod):
	case n == nil || !n.whole: // perhaps it can be read now
		s.look(rel, b)
	default:
		b.mark(rel)
	}
	return true
}

// find is the directory at a path of the set, nil if there is none.
func (s *watches) find(rel string) *watched {
	n := s.root
	if rel == "" {
		return n
	}
	for name := range strings.SplitSeq(rel, "/") {
		if n == nil {
			return nil
		}
		n = n.below[name]
	}
	return n
}

func (s *watches) path(n *watched) string {
	if n.up == nil {
		return s.m.Dir
	}
	return filepath.Join(s.path(n.up), n.name)
}

// look watches what stands at a path if it is a directory of a watched one.
func (s *watches) look(rel string, b *burst) {
	path := filepath.Join(s.m.Dir, filepath.FromSlash(rel))
	if rel == "" {
		if fi, err := os.Stat(path); err == nil && os.SameFile(fi, s.stood) {
			s.add(path, nil, "", fi, b)
		}
		return
	}
	dir, name := splitPath(rel)
	up := s.find(dir)
	if up == nil { // an event of a directory that has another name by now
		return
	}
	fi, err := os.Lstat(path)
	switch {
	case err == nil && fi.IsDir():
		s.add(path, up, name, fi, b)
	case err != nil && !absent(err):
		up.whole = false
	}
}

// absent says that there is no such directory, which needs no watch.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// add watches a directory and all below it, and marks them. It is watched
// before it is read: what appears in it later is an event.
func (s *watches) add(path string, up *watched, name string, fi fs.FileInfo, b *burst) {
	if slices.Contains(s.m.Hidden, path) {
		return
	}
	n := &watched{name: name, up: up, file: fileOf(fi), whole: true}
	if old := s.files[n.file]; old != nil && !old.above(n) && !s.stands(old) {
		s.forget(old) // it was renamed to here: that event is still to come
	}
	switch {
	case up == nil:
		if s.root != nil {
			s.forget(s.root)
		}
		s.root = n
	case up.below[name] != nil:
		s.forget(up.below[name])
		fallthrough
	default:
		if up.below == nil {
			up.below = map[string]*watched{}
		}
		up.below[name] = n
	}
	if n.file != (fileID{}) && s.files[n.file] == nil {
		s.files[n.file] = n
	}
	_ = s.w.Remove(path) // mostly it is not there
	if err := s.w.Add(path); absent(err) {
		s.forget(n)
		return
	} else if err != nil {
		n.whole = false
		if !errors.Is(err, fs.ErrPermission) { // which the scan reports
			s.limited(err)
		}
	}
	if b != nil {
		rel, err := filepath.Rel(s.m.Dir, path)
		if rel == "." || err != nil {
			rel = ""
		}
		b.mark(filepath.ToSlash(rel))
	}
	entries, err := os.ReadDir(path)
	n.whole = n.whole && err == nil
	for _, e := range entries {
		if !e.IsDir() || reserved(e.Name()) {
			continue
		}
		fi, err := e.Info()
		switch {
		case err == nil && fi.IsDir():
			s.add(filepath.Join(path, e.Name()), n, e.Name(), fi, b)
		case err != nil && !absent(err):
			n.whole = false
		}
	}
}

// above reports whether a directory is n or above it, as where a disk is
// mounted a second time below itself.
func (d *watched) above(n *watched) bool {
	for ; n != nil; n = n.up {
		if n == d {
			return true
		}
	}
	return false
}

// stands reports whether a directory still is where the set has it.
func (s *watches) stands(n *watched) bool {
	fi, err := os.Lstat(s.path(n))
	return err == nil && fileOf(fi) == n.file
}

// forget takes a directory and all below it out of the set.
func (s *watches) forget(n *watched) {
	s.remove(n, s.path(n))
	if n.up == nil {
		s.root = nil
		return
	}
	delete(n.up.below, n.name)
}

func (s *watches) remove(n *watched, path string) {
	_ = s.w.Remove(path) // the kernel may have been faster
	if s.files[n.file] == n {
		delete(s.files, n.file)
	}
	for name, c := range n.below {
		s.remove(c, filepath.Join(path, name))
	}
}
