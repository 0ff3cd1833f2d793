package worktree

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// write is a file on its way to its name.
type write struct {
	step Step
	at   opened
	temp string   // what goes if the write fails; never what may be a person's
	ours vfs.Stat // what was written, before it went to its name; zero: that is not what stands there
	err  error
}

// drop removes what an aborted batch wrote.
func (a *applier) drop() error {
	var errs []error
	for _, w := range a.batch {
		if w.temp != "" {
			if err := w.at.d.Remove(w.temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	a.batch, a.bytes = nil, 0
	for _, d := range a.retired {
		errs = append(errs, d.Close())
	}
	a.retired = nil
	return errors.Join(errs...)
}

// flush writes the files of the batch in parallel, syncs them, and swaps each
// into its place.
func (a *applier) flush() error {
	if len(a.batch) == 0 {
		return nil
	}
	few := len(a.batch) <= fewSyncs || !vfs.WholeSync
	disks := map[uint64]vfs.Dir{}
	for _, w := range a.batch {
		disks[w.at.dev] = w.at.d
	}
	a.each(func(w *write) { w.err = a.create(w, few) })
	a.o.Fault.Hit("apply.written")
	if !few {
		for _, d := range disks {
			if err := d.SyncAll(); err != nil {
				return errors.Join(fmt.Errorf("apply: sync: %w", err), a.drop())
			}
		}
	}
	if a.o.Fresh { // no name is looked at before: their order is of no concern
		a.each(func(w *write) {
			if w.err == nil {
				w.err = a.place(w)
			}
		})
	}
	batch := a.batch
	for i, w := range batch {
		err := w.err
		if err == nil && !a.o.Fresh {
			err = a.swap(w)
		}
		if err == nil {
			a.done(w)
			w.temp = ""
		}
		if err = a.trouble(w.step, err); err != nil {
			a.batch = batch[i:]
			return errors.Join(err, a.drop())
		}
	}
	return a.drop() // of those that are problems
}

func (a *applier) done(w *write) {
	s := w.step
	if s.From == nil {
		a.res.Change.Created++
	} else {
		a.res.Change.Updated++
	}
	dir := s.Path[:len(s.Path)-1]
	a.touched.dir(dir, w.at.dev)
	if s.Path[len(dir)] == ignoreName {
		delete(a.rules, strings.Join(dir, "/"))
	}
	a.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "apply", Path: a.virtual(s.Path), Files: 1, Bytes: s.To.Size})
	a.stepDone(s)
	a.remember(w.at.d, s, w.ours)
}

// remember spares the next scan from reading what bsv wrote. Others save
// meanwhile: only what still is as ours counts as that. Whoever writes into it
// later changes its time, unless it is of this very moment.
func (a *applier) remember(d vfs.Dir, s Step, ours vfs.Stat) {
	if ours == (vfs.Stat{}) || recent(ours.MTime, ours.MTime, time.Now()) {
		return
	}
	name := s.Path[len(s.Path)-1]
	if st, err := d.Lstat(name); err == nil && sameFile(st, ours) && st.Mode == ours.Mode {
		a.res.Written.set(strings.Join(s.Path, "/"), st, *s.To)
	}
}

// each does something with the writes of the batch, several at once.
func (a *applier) each(do func(*write)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(cmp.Or(a.o.Workers, 4), len(a.batch)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(a.batch)); i = next.Add(1) - 1 {
				do(a.batch[i])
			}
		})
	}
	wg.Wait()
}

// place gives a written file its name in a fresh target. Nothing is known to
// stand there: what came meanwhile stays, and is a problem of the file.
func (a *applier) place(w *write) error {
	err := w.at.d.RenameNew(w.temp, w.step.To.Name)
	if err == nil {
		a.o.Fault.Hit("apply.placed")
	}
	return err
}

// create writes the new file or link under a temporary name, and makes its
// content durable if sync says so: whatever ends the apply, no half of it ever
// stands under the name that it is for.
func (a *applier) create(w *write, sync bool) (err error) {
	e, d := w.step.To, w.at.d
	name := tempName(newPrefix)
	if e.Kind == object.Symlink {
		if err := d.Symlink(e.Target, name); err != nil {
			return err
		}
		w.temp = name
		return d.Chtimes(name, e.MTime)
	}
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	w.temp = name // not before it is there
	err = a.fill(f, e, newUnderWay(a.o.Events, "apply", a.virtual(w.step.Path), int64(e.Size)))
	if err == nil {
		err = f.Chmod(a.mode(e.Mode, 0))
	}
	if err == nil {
		err = f.Chtimes(e.MTime)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// hole is the shortest run of zeros that is left out of a file.
const hole = 64 << 10

func (a *applier) fill(f vfs.Handle, e *object.Entry, way *underWay) error {
	var n, skip int64
	for b, err := range a.o.Content.Stream(a.ctx, e.Content, 0) {
		if err != nil {
			return fmt.Errorf("%w: %w", errContent, err)
		}
		n += int64(len(b))
		if len(b) >= hole && allZero(b) {
			skip += int64(len(b))
			way.at(n)
			continue
		}
		if skip > 0 {
			if _, err := f.Seek(skip, io.SeekCurrent); err != nil {
				return err
			}
			skip = 0
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
		way.at(n)
		a.o.Fault.Hit("apply.filling")
	}
	if uint64(n) != e.Size {
		return fmt.Errorf("content of %d bytes where the entry says %d: %w", n, e.Size, object.ErrMissing)
	}
	if skip > 0 {
		return f.Truncate(n)
	}
	return nil
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
