package worktree

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

var (
	// errDiffers: what stands at a name is not what it is compared with.
	errDiffers = errors.New("reads back differently")
	errMissing = errors.New("is missing")
)

// VerifyOptions of Verify.
type VerifyOptions struct {
	Mapping Mapping
	Path    []string     // below the mapping
	Entry   object.Entry // that is to stand there
	Store   Store
}

// verifiers is how many files are read at once.
const verifiers = 5

// Verify reads all of an entry from the disk and returns what is not there, or
// of another kind, content or target. What stands beside it is nobody's
// concern, nor is what the mapping excludes.
func Verify(ctx context.Context, o VerifyOptions) ([]Problem, error) {
	root, err := o.Mapping.open()
	if err != nil {
		return nil, err
	}
	v := &verifier{o: o, ctx: ctx, slots: make(chan struct{}, verifiers-1), outside: o.Mapping.outside()}
	e := o.Entry
	e.Name = ""
	if len(o.Path) == 0 {
		err = v.dir(root, nil, e.Tree)
	} else {
		e.Name = o.Path[len(o.Path)-1]
		err = at(root, strings.Join(o.Path[:len(o.Path)-1], "/"), func(d vfs.Dir) error { return v.entry(d, o.Path, e) })
	}
	if err != nil && ctx.Err() == nil && isPathError(err) {
		err = v.problem(o.Path, err)
	}
	slices.SortFunc(v.bad, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return v.bad, errors.Join(err, root.Close())
}

type verifier struct {
	o       VerifyOptions
	ctx     context.Context
	slots   chan struct{}
	outside outside

	mu  sync.Mutex
	bad []Problem
}

// problem notes what concerns one path; another error ends it all.
func (v *verifier) problem(path []string, err error) error {
	if v.ctx.Err() != nil || !isPathError(err) {
		return err
	}
	if gone(err) {
		err = errMissing
	}
	p := v.o.Mapping.Path
	for _, c := range path {
		p = object.JoinPath(p, c)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bad = append(v.bad, Problem{p, reason(err), err})
	return nil
}

// dir compares what a directory holds, several files at once.
func (v *verifier) dir(d vfs.Dir, path []string, tree object.ID) error {
	var wg sync.WaitGroup
	var errs []error
	var mu sync.Mutex
	for e, err := range object.Entries(v.ctx, v.o.Store, tree, "") {
		if err == nil {
			err = v.ctx.Err()
		}
		if err != nil {
			wg.Wait()
			return err
		}
		work := func() {
			if err := v.entry(d, join(path, e.Name), e); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		}
		select {
		case v.slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-v.slots }()
				work()
			})
		default:
			work()
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (v *verifier) entry(d vfs.Dir, path []string, e object.Entry) error {
	if v.outside.name(path, e.Kind == object.Dir) || !v.o.Mapping.Unmarked && reserved(e.Name) {
		return nil // never applied
	}
	st, err := d.Lstat(e.Name)
	if err == nil && e.Kind == object.Dir && st.IsDir() {
		var sub vfs.Dir
		if sub, err = d.OpenDir(e.Name); err == nil {
			err = errors.Join(v.dir(sub, path, e.Tree), sub.Close())
		}
	} else if err == nil {
		var same bool
		if same, err = holds(v.ctx, v.o.Store, d, e.Name, &e, st); err == nil && !same {
			err = &fs.PathError{Op: "verify", Path: e.Name, Err: errDiffers}
		}
	}
	if err != nil {
		return v.problem(path, err)
	}
	return nil
}
