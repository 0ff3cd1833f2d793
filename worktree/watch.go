package worktree

import (
	"context"
	"log/slog"
	"time"
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
	Look    time.Duration // how often the mapped directory itself is looked at; positive
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
	anew  bool // what is watched is no longer known
}

// mark notes a directory that may have changed.
func (b *burst) mark(rel string) {
	if b.all || b.anew {
		return
	}
	if b.dirty == nil {
		b.dirty = map[string]bool{}
	}
	b.dirty[rel] = true
	b.all = len(b.dirty) > maxDirty
}

func (b *burst) of(mapping string) Dirty {
	if b.all {
		return Dirty{Mapping: mapping}
	}
	return Dirty{Mapping: mapping, Dirs: b.dirty}
}

// Watch reports bursts of changes to out until the context ends. When the
// mapped directory goes away, is replaced or comes back, or when events were
// lost, everything is watched anew and all of it counts as changed.
func Watch(ctx context.Context, o WatchOptions, out chan<- Dirty) error {
	told := false
	limited := func(err error) {
		if !told {
			told = true
			o.Limited(err)
		}
	}
	s, err := newWatches(o.Mapping, o.Log, limited)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	if o.Ready != nil {
		o.Ready()
	}
	var b burst
	var most time.Time   // when the burst ends at the latest
	var due chan<- Dirty // nil: the burst goes on
	end := time.NewTimer(time.Hour)
	end.Stop()
	look := time.NewTicker(o.Look)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-s.w.Events:
			if !ok {
				return nil
			}
			if !s.take(e, &b) {
				continue
			}
		case <-s.missed:
			b.anew = true
		case <-look.C:
			if b.anew || !s.lost() {
				continue
			}
			b.anew = true
		case due <- b.of(o.Mapping.Path):
			due, b = nil, burst{}
			continue
		case <-end.C:
			if b.anew {
				_ = s.close() // nothing that it still says is of use
				next, err := newWatches(o.Mapping, o.Log, limited)
				if err != nil {
					return err
				}
				s, b = next, burst{all: true}
			}
			due, b.begun = out, false
			continue
		}
		if b.anew { // what it was about to tell is not all
			due = nil
		}
		if due != nil { // it waits for whoever takes it, and grows
			continue
		}
		if !b.begun {
			b.begun, most = true, time.Now().Add(o.Most)
		}
		end.Reset(min(o.Quiet, time.Until(most)))
	}
}
