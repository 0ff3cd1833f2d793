package worktree

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/object"
)

// ErrReplan: the disk holds something that nobody has stored yet. Nothing of
// it was changed; take a snapshot and plan again.
var ErrReplan = errors.New("the disk has changed meanwhile")

// Content hands out what files hold.
type Content interface {
	Stream(ctx context.Context, c object.Content, from uint64) iter.Seq2[[]byte, error]
}

// ApplyOptions of Apply.
type ApplyOptions struct {
	Mapping Mapping
	Steps   iter.Seq2[Step, error]
	Content Content
	Store   Store
	Memory  Memory
	Fresh   bool // the target is new and nobody else's: write directly, without a marker
	Events  event.Sink
	Fault   *fault.Injector
	Workers int
	// Checkpoint takes the steps that were done and synced, when they are many
	// and when Apply ends early: what it writes down is exact. It may be nil.
	Checkpoint func(done []Step) error
}

// ApplyResult is what Apply did.
type ApplyResult struct {
	Change   Change
	Problems []Problem
	Written  *Written
}

const (
	batchFiles = 512
	batchBytes = 64 << 20
	// maxSteps is how many steps wait for a checkpoint.
	maxSteps = 16 << 10
	// maxRetired bounds the open directories.
	maxRetired = 256
)

type applier struct {
	o       ApplyOptions
	ctx     context.Context
	root    *directory
	dirs    []openDir    // the chain of opened directories
	retired []*directory // left the chain, still used by the batch
	batch   []*write
	bytes   uint64
	late    []Step // OpSetDir, done last
	res     ApplyResult
	steps   []Step // done, not yet checkpointed
	resMu   sync.Mutex
}

type openDir struct {
	name string
	d    *directory
}

// write is a file on its way to its name.
type write struct {
	step Step
	d    *directory
	temp string
	err  error
}

// Apply carries a plan out. When it returns nil, all that the plan wanted and
// that is no problem is on stable storage. A path that fails is a problem and
// the rest goes on.
func Apply(ctx context.Context, o ApplyOptions) (ApplyResult, error) {
	a := &applier{o: o, ctx: ctx}
	a.res.Written = &Written{}
	if !o.Fresh {
		if err := o.Mapping.CheckMarker(); err != nil {
			return a.res, err
		}
	}
	root, err := openRoot(o.Mapping.Dir)
	if err != nil {
		return a.res, fmt.Errorf("apply: %w", err)
	}
	a.root = root
	err = a.run()
	return a.res, errors.Join(err, a.close())
}

func (a *applier) close() error {
	var errs []error
	for _, d := range a.dirs {
		errs = append(errs, d.d.Close())
	}
	for _, d := range a.retired {
		errs = append(errs, d.Close())
	}
	return errors.Join(append(errs, a.root.Close())...)
}

func (a *applier) run() error {
	for s, err := range a.o.Steps {
		if err == nil {
			err = a.ctx.Err()
		}
		if err == nil {
			err = a.step(s)
		}
		if err == nil && len(a.steps) > maxSteps {
			err = a.checkpoint()
		}
		if err != nil {
			return errors.Join(err, a.drop(), a.checkpoint())
		}
	}
	if err := a.flush(); err != nil {
		return errors.Join(err, a.checkpoint())
	}
	for _, s := range a.late {
		if err := a.setDir(s); err != nil {
			return err
		}
	}
	a.o.Fault.Hit("apply.done")
	if err := syncAll(a.o.Mapping.Dir); err != nil {
		return fmt.Errorf("apply: sync: %w", err)
	}
	a.o.Fault.Hit("apply.synced")
	return nil
}

// checkpoint syncs and hands on the steps that were done.
func (a *applier) checkpoint() error {
	if a.o.Checkpoint == nil || len(a.steps) == 0 {
		return nil
	}
	if err := syncAll(a.o.Mapping.Dir); err != nil {
		return fmt.Errorf("apply: sync: %w", err)
	}
	done := a.steps
	a.steps = nil
	return a.o.Checkpoint(done)
}

func (a *applier) stepDone(s Step) {
	if a.o.Checkpoint != nil {
		a.steps = append(a.steps, s)
	}
}

func (a *applier) virtual(path []string) string {
	p := a.o.Mapping.Path
	for _, c := range path {
		p = object.JoinPath(p, c)
	}
	return p
}

// trouble turns an error that concerns one path into a problem.
func (a *applier) trouble(path []string, err error) error {
	if err == nil || a.ctx.Err() != nil || errors.Is(err, ErrReplan) {
		return err
	}
	var pe *fs.PathError
	var le *os.LinkError
	if !errors.As(err, &pe) && !errors.As(err, &le) && !errors.Is(err, errLink) && !errors.Is(err, object.ErrMissing) {
		return err
	}
	if noSpace(err) {
		return err
	}
	a.resMu.Lock()
	defer a.resMu.Unlock()
	p := Problem{a.virtual(path), reason(err)}
	a.res.Problems = append(a.res.Problems, p)
	a.o.Events.Emit(event.Event{Kind: event.Problem, Operation: "apply", Path: p.Path, Message: p.Reason})
	return nil
}

// parent opens the directory that holds a path, reusing what is open. Files
// of the batch may still use a directory that leaves the chain.
func (a *applier) parent(path []string) (*directory, error) {
	want := path[:len(path)-1]
	keep := 0
	for keep < len(want) && keep < len(a.dirs) && a.dirs[keep].name == want[keep] {
		keep++
	}
	for _, d := range a.dirs[keep:] {
		if slices.ContainsFunc(a.batch, func(w *write) bool { return w.d == d.d }) {
			a.retired = append(a.retired, d.d)
		} else if err := d.d.Close(); err != nil {
			return nil, err
		}
	}
	a.dirs = a.dirs[:keep]
	if len(a.retired) > maxRetired {
		if err := a.flush(); err != nil {
			return nil, err
		}
	}
	d := a.root
	if keep > 0 {
		d = a.dirs[keep-1].d
	}
	for _, name := range want[keep:] {
		next, err := d.open(name)
		if err != nil {
			return nil, err
		}
		a.dirs = append(a.dirs, openDir{name, next})
		d = next
	}
	return d, nil
}

func (a *applier) step(s Step) error {
	if excluded(a.o.Mapping.Exclude, s.Path, s.To != nil && s.To.Kind == object.Dir) {
		return nil
	}
	if s.Op == OpSetDir {
		a.late = append(a.late, s)
		return nil
	}
	d, err := a.parent(s.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && (s.Op == OpDelete || s.Op == OpRmdir) {
			return nil
		}
		if errors.Is(err, errLink) {
			return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
		}
		return a.trouble(s.Path, err)
	}
	name := s.Path[len(s.Path)-1]
	if reserved(name, len(s.Path) == 1) {
		return nil
	}
	switch s.Op {
	case OpWrite:
		a.batch = append(a.batch, &write{step: s, d: d})
		a.bytes += s.To.Size
		if len(a.batch) >= batchFiles || a.bytes >= batchBytes {
			return a.flush()
		}
		return nil
	case OpMkdir:
		err := a.mkdir(d, name, s)
		if err == nil {
			a.stepDone(s)
		}
		return a.trouble(s.Path, err)
	case OpDelete:
		err := a.delete(d, name, s)
		if err == nil {
			a.stepDone(s)
		}
		return a.trouble(s.Path, err)
	case OpRmdir:
		if err := a.flush(); err != nil {
			return err
		}
		if n := len(s.Path); len(a.dirs) >= n { // the directory itself is open
			for _, x := range a.dirs[n-1:] {
				if err := x.d.Close(); err != nil {
					return err
				}
			}
			a.dirs = a.dirs[:n-1]
		}
		err := d.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && notEmpty(d, name) {
			return nil // ignored files stay, and so does their directory
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err == nil {
			a.stepDone(s)
		}
		return a.trouble(s.Path, err)
	case OpMeta:
		err := a.meta(d, name, s)
		if err == nil {
			a.stepDone(s)
		}
		return a.trouble(s.Path, err)
	}
	return fmt.Errorf("apply: unknown step %d", s.Op)
}

func notEmpty(d *directory, name string) bool {
	sub, err := d.open(name)
	if err != nil {
		return false
	}
	defer sub.Close()
	list, err := sub.names()
	return err == nil && len(list) > 0
}

func tempName(prefix string) string {
	var b [8]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

// drop removes what an aborted batch wrote.
func (a *applier) drop() error {
	var errs []error
	for _, w := range a.batch {
		if w.temp != "" {
			if err := w.d.Remove(w.temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	a.batch = nil
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
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(a.o.Workers, 4))
	for _, w := range a.batch {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			w.err = a.create(w)
		})
	}
	wg.Wait()
	a.o.Fault.Hit("apply.written")
	if !a.o.Fresh {
		if err := syncAll(a.o.Mapping.Dir); err != nil {
			return errors.Join(fmt.Errorf("apply: sync: %w", err), a.drop())
		}
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
		if err = a.trouble(w.step.Path, err); err != nil {
			a.batch = batch[i:]
			return errors.Join(err, a.drop())
		}
	}
	err := a.drop() // of those that are problems
	a.bytes = 0
	return err
}

func (a *applier) done(w *write) {
	s := w.step
	a.resMu.Lock()
	if s.From == nil {
		a.res.Change.Created++
	} else {
		a.res.Change.Updated++
	}
	a.resMu.Unlock()
	a.o.Events.Emit(event.Event{Kind: event.Progress, Operation: "apply", Path: a.virtual(s.Path), Files: 1, Bytes: s.To.Size})
	a.stepDone(s)
	if !a.o.Fresh {
		a.remember(w.d, s)
	}
}

func (a *applier) remember(d *directory, s Step) {
	name := s.Path[len(s.Path)-1]
	if fi, err := d.Lstat(name); err == nil {
		a.res.Written.set(strings.Join(s.Path, "/"), written{statOf(name, fi, time.Time{}), *s.To})
	}
}

// create writes the new file or link under a temporary name, or under its own
// in a fresh target.
func (a *applier) create(w *write) error {
	e := w.step.To
	name := e.Name
	if !a.o.Fresh {
		w.temp = tempName(newPrefix)
		name = w.temp
	}
	if e.Kind == object.Symlink {
		if err := w.d.Symlink(e.Target, name); err != nil {
			return err
		}
		return w.d.setLinkTime(name, e.MTime)
	}
	f, err := w.d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = a.fill(f, e)
	if err == nil {
		err = f.Chmod(fileMode(e.Mode))
	}
	if err == nil && syncEach {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		t := time.Unix(0, e.MTime)
		err = w.d.Chtimes(name, t, t)
	}
	if err != nil && a.o.Fresh {
		err = errors.Join(err, w.d.Remove(name))
	}
	return err
}

// hole is the shortest run of zeros that is left out of a file.
const hole = 64 << 10

func (a *applier) fill(f *os.File, e *object.Entry) error {
	var n, skip int64
	for b, err := range a.o.Content.Stream(a.ctx, e.Content, 0) {
		if err != nil {
			return err
		}
		n += int64(len(b))
		if len(b) >= hole && allZero(b) {
			skip += int64(len(b))
			continue
		}
		if skip > 0 {
			if _, err := f.Seek(skip, 1); err != nil {
				return err
			}
			skip = 0
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
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
