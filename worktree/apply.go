package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
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
	Fresh   bool // the target is new and nobody else's: nothing is replaced, and there is no marker
	Events  event.Sink
	Fault   *fault.Injector
	Workers int // writers at once; 0: 4
	// Checkpoint takes the steps that were done and synced, when they are many
	// and when Apply ends early: what it writes down is exact. It may be nil.
	Checkpoint func(done []Step) error
}

// ApplyResult is what Apply did.
type ApplyResult struct {
	Change   Change
	Problems []Problem
	Written  *Written
	Undone   []Step // what was left as it is, in the order of the plan
	Left     bool   // a file that was being swapped could not be put back: Recover is due
}

const (
	batchFiles = 512
	batchBytes = 64 << 20
	// In a fresh target nobody can save a file between its look and its swap, so
	// that more of them may share one sync.
	freshFiles = 8 * batchFiles
	freshBytes = 4 * batchBytes
	// maxSteps is how many steps wait for a checkpoint.
	maxSteps = 16 << 10
)

type applier struct {
	o       ApplyOptions
	ctx     context.Context
	root    opened
	chain   []opened  // the open directories on the way to the last path
	retired []vfs.Dir // left the chain, still used by the batch
	outside outside
	rules   map[string]ignoreRules // of directories, read when asked for
	batch   []*write
	bytes   uint64
	late    []Step            // OpSetDir, done last
	loose   map[string]uint16 // directories made writable, and the mode they get back
	closing bool              // loosen no more
	blocked map[string]bool   // directories that were not made: nothing goes below
	failed  map[string]bool   // directories below which something is undone
	touched touched
	res     ApplyResult
	steps   []Step // done, not yet checkpointed
	resMu   sync.Mutex
}

// Apply carries a plan out. When it returns nil, all that the plan wanted and
// that is not undone is on stable storage. A path that fails is a problem and
// the rest goes on.
func Apply(ctx context.Context, o ApplyOptions) (ApplyResult, error) {
	a := &applier{o: o, ctx: ctx, outside: o.Mapping.outside(), rules: map[string]ignoreRules{}, loose: map[string]uint16{}, blocked: map[string]bool{}, failed: map[string]bool{}}
	a.res.Written = &Written{}
	open := o.Mapping.open
	if o.Fresh {
		open = o.Mapping.openRoot
	}
	root, err := open()
	if err != nil {
		return a.res, err
	}
	seen, err := root.Stat()
	a.root = opened{"", root, seen.Dev}
	if err == nil {
		err = a.run()
	}
	return a.res, errors.Join(err, a.close())
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
			return a.end(err)
		}
	}
	if err := a.flush(); err != nil {
		return a.end(err)
	}
	for _, s := range a.late {
		if err := a.trouble(s, a.setDir(s)); err != nil {
			return a.end(err)
		}
	}
	if err := a.tighten(); err != nil {
		return err
	}
	a.o.Fault.Hit("apply.done")
	if err := a.sync(); err != nil {
		return err
	}
	a.o.Fault.Hit("apply.synced")
	return nil
}

// end leaves things in order when the apply does not get to its own end.
func (a *applier) end(err error) error {
	return errors.Join(err, a.drop(), a.tighten(), a.checkpoint())
}

func (a *applier) sync() error {
	if err := a.touched.sync(a.root.d); err != nil {
		return fmt.Errorf("apply: sync: %w", err)
	}
	return nil
}

// checkpoint syncs and hands on the steps that were done.
func (a *applier) checkpoint() error {
	if a.o.Checkpoint == nil || len(a.steps) == 0 {
		return nil
	}
	if err := a.sync(); err != nil {
		return err
	}
	a.o.Fault.Hit("apply.checkpoint")
	done := a.steps
	a.steps = nil
	return a.o.Checkpoint(done)
}

func (a *applier) stepDone(s Step) {
	if a.o.Checkpoint != nil {
		a.steps = append(a.steps, s)
	}
}

// undone leaves a step as it is.
func (a *applier) undone(s Step) {
	a.resMu.Lock()
	defer a.resMu.Unlock()
	a.res.Undone = append(a.res.Undone, s)
	for i := range s.Path {
		a.failed[strings.Join(s.Path[:i], "/")] = true
	}
	if s.Op == OpMkdir {
		a.blocked[strings.Join(s.Path, "/")] = true
	}
}

func (a *applier) virtual(path []string) string {
	p := a.o.Mapping.Path
	for _, c := range path {
		p = object.JoinPath(p, c)
	}
	return p
}

// replan is the error of a path that holds what nobody has stored.
func (a *applier) replan(s Step) error {
	return fmt.Errorf("%s: %w", a.virtual(s.Path), ErrReplan)
}

// errSkip: the step is left undone, and that is no problem.
var errSkip = errors.New("not bsv's to change")

// errContent: what a file shall hold cannot be read from the store. That is
// its trouble alone: no damaged or malformed content may stop the others.
var errContent = errors.New("its content cannot be read")

// trouble turns an error that concerns one step into a problem.
func (a *applier) trouble(s Step, err error) error {
	if err == nil || a.ctx.Err() != nil || errors.Is(err, ErrReplan) {
		return err
	}
	if errors.Is(err, errSkip) {
		a.undone(s)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) && !a.o.Fresh { // deleted since the look, and no snapshot knows
		return errors.Join(err, a.replan(s))
	}
	var pe *fs.PathError
	if !errors.As(err, &pe) && !errors.Is(err, object.ErrMissing) && !errors.Is(err, errContent) || vfs.NoSpace(err) {
		return err
	}
	a.undone(s)
	p := Problem{a.virtual(s.Path), reason(err), err}
	a.resMu.Lock()
	a.res.Problems = append(a.res.Problems, p)
	a.resMu.Unlock()
	a.o.Events.Emit(event.Event{Kind: event.Problem, Operation: "apply", Path: p.Path, Message: p.Reason})
	return nil
}

func (a *applier) step(s Step) error {
	dir := s.To != nil && s.To.Kind == object.Dir || s.To == nil && s.From != nil && s.From.Kind == object.Dir
	if a.outside.path(s.Path, dir) { // materialised as it is wanted: see Readmission
		if !dir || s.From == nil || s.From.Kind == object.Dir || a.outside.path(s.Path, false) {
			return nil
		}
		s = Step{Op: OpDelete, Path: s.Path, From: s.From} // a file was inside, the directory in its place is not
	}
	if ReservedPath(s.Path) { // nor can the disk be given these
		if a.o.Mapping.Unmarked {
			return a.trouble(s, &fs.PathError{Op: "apply", Path: s.Path[len(s.Path)-1], Err: errReserved})
		}
		return nil
	}
	for i := range s.Path {
		if len(a.blocked) > 0 && a.blocked[strings.Join(s.Path[:i], "/")] {
			a.undone(s)
			return nil
		}
	}
	if s.Op == OpSetDir {
		if !a.blocked[strings.Join(s.Path, "/")] {
			a.late = append(a.late, s)
		}
		return nil
	}
	at, err := a.parent(s.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && (s.Op == OpDelete || s.Op == OpRmdir) {
			return nil
		}
		return a.trouble(s, err)
	}
	name := s.Path[len(s.Path)-1]
	switch s.Op {
	case OpWrite:
		a.batch = append(a.batch, &write{step: s, at: at})
		a.bytes += s.To.Size
		// New rules hold for what comes after them.
		files, bytes := batchFiles, uint64(batchBytes)
		if a.o.Fresh {
			files, bytes = freshFiles, freshBytes
		}
		if len(a.batch) >= files || a.bytes >= bytes || name == ignoreName {
			return a.flush()
		}
		return nil
	case OpMkdir:
		err = a.mkdir(at, name, &s)
	case OpDelete:
		err = a.delete(at, name, s)
	case OpRmdir:
		err = a.rmdir(at, name, s)
	case OpMeta:
		err = a.meta(at, name, s)
	default:
		return fmt.Errorf("apply: unknown step %d", s.Op)
	}
	if err == nil {
		a.stepDone(s)
	}
	return a.trouble(s, err)
}
