package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Dirty names the directories of a mapping that may have changed; nil Dirs
// means all of it.
type Dirty struct {
	Mapping string // virtual path
	Dirs    map[string]bool
}

// WatchOptions of Watch.
type WatchOptions struct {
	Mapping Mapping
	Quiet   time.Duration // silence that ends a burst
	Most    time.Duration // the longest a burst waits
	Log     *slog.Logger
	Ready   func()      // everything is watched: what changes from now on is reported; may be nil
	Limited func(error) // some directories cannot be watched; called once
}

// maxDirty is how many dirty directories are told apart; beyond it all is.
const maxDirty = 4096

// burst collects what changed until it is quiet.
type burst struct {
	dirty map[string]bool
	all   bool
	begun bool
}

// Watch reports bursts of changes to out until the context ends.
func Watch(ctx context.Context, o WatchOptions, out chan<- Dirty) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", o.Mapping.Path, err)
	}
	defer func() { _ = w.Close() }() // nothing is watched any more, closed or not
	told := false
	watch := func(dir string, dirty map[string]bool) {
		if err := addTree(w, o.Mapping, dir, dirty); err != nil && !told {
			told = true
			o.Limited(err)
		}
	}
	watch(o.Mapping.Dir, nil)
	if o.Ready != nil {
		o.Ready()
	}
	b := burst{dirty: map[string]bool{}}
	quiet, most := stopped(), stopped()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if !b.take(o.Mapping.Dir, e) {
				continue
			}
			if e.Has(fsnotify.Create) {
				watch(e.Name, b.dirty)
			}
			quiet.Reset(o.Quiet)
			if !b.begun {
				b.begun = true
				most.Reset(o.Most)
			}
			continue
		case err, ok := <-w.Errors:
			if !ok {
				return nil
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				o.Log.Warn("watch", "mapping", o.Mapping.Path, "err", err)
				continue
			}
			b.all = true
			quiet.Reset(o.Quiet)
			continue
		case <-quiet.C:
		case <-most.C:
		}
		quiet.Stop()
		most.Stop()
		if len(b.dirty) == 0 && !b.all {
			continue
		}
		d := Dirty{Mapping: o.Mapping.Path, Dirs: b.dirty}
		if b.all || len(b.dirty) > maxDirty {
			d.Dirs = nil
		}
		select {
		case out <- d:
		case <-ctx.Done():
			return nil
		}
		b = burst{dirty: map[string]bool{}}
	}
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// take notes an event; bsv's own names are none.
func (b *burst) take(root string, e fsnotify.Event) bool {
	base := filepath.Base(e.Name)
	if strings.HasPrefix(base, newPrefix) || strings.HasPrefix(base, swapPrefix) || base == markerName {
		return false
	}
	rel, err := filepath.Rel(root, filepath.Dir(e.Name))
	if err != nil {
		return false
	}
	if rel == "." || rel == ".." {
		rel = ""
	}
	b.dirty[filepath.ToSlash(rel)] = true
	return true
}

// addTree watches a directory and all below it, and marks new ones dirty. A
// name that is no directory is nothing to watch.
func addTree(w *fsnotify.Watcher, m Mapping, dir string, dirty map[string]bool) error {
	var limit error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() {
				return filepath.SkipDir
			}
			return nil // went away, or unreadable: the scan says so
		}
		if !d.IsDir() {
			return nil
		}
		if slices.Contains(m.Hidden, path) {
			return filepath.SkipDir
		}
		if err := w.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) && limit == nil {
			limit = err
		}
		if rel, err := filepath.Rel(m.Dir, path); err == nil && dirty != nil && rel != "." {
			dirty[filepath.ToSlash(rel)] = true
		}
		return nil
	})
	return errors.Join(limit, err)
}
