package worktree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Store takes what a scan finds and gives back what is known.
type Store interface {
	object.Getter
	object.Sink
	WriteFile(ctx context.Context, r io.Reader, size int64) (object.Content, uint64, error)
	Missing(ctx context.Context, ids []object.ID) ([]object.ID, error)
	Hasher() *object.Hasher
}

// Memory holds the stat cache, a row per directory.
type Memory interface {
	Row(mapping, dir string) ([]byte, error)
}

// ScanOptions of Scan.
type ScanOptions struct {
	Mapping Mapping
	Base    object.ID // what is materialised; zero for a new mapping
	Store   Store
	Memory  Memory
	Dirty   map[string]bool // directories (relative, slashes, "" the root) to look at; nil: all
	Only    string          // look at this name of the root alone
	Written *Written        // what an apply wrote: taken without reading again
	Events  event.Sink
	Fault   *fault.Injector
	Workers int // readers at once; 0: 5
}

// ScanResult is what a scan found.
type ScanResult struct {
	Tree     object.ID
	Files    uint64
	Dirs     uint64 // looked at
	Bytes    uint64
	Problems []Problem
	Notices  []Problem
	Rows     map[string][]byte // to be kept after the record is durable

	touched *touched // what was not as the stat cache said
}

type scanner struct {
	o       ScanOptions
	slots   chan struct{}
	toDo    map[string]bool // dirty directories and their parents
	outside outside

	mu  sync.Mutex
	res ScanResult
}

// Scan turns the mapped directory into a tree. Paths that cannot be read are
// problems and keep what Base holds. Of a directory that cannot be read and of
// which nothing is known (ErrUnread) the result holds the problem alone.
func Scan(ctx context.Context, o ScanOptions) (ScanResult, error) {
	root, err := o.Mapping.open()
	if err != nil {
		return ScanResult{}, err
	}
	defer root.Close()
	seen, err := root.Stat()
	if err != nil {
		return ScanResult{}, fmt.Errorf("%s: %w: %w", o.Mapping.Path, ErrNotMounted, err)
	}
	s := &scanner{o: o, slots: make(chan struct{}, cmp.Or(o.Workers, 5)-1), outside: o.Mapping.outside()}
	s.res.Rows, s.res.touched = map[string][]byte{}, &touched{}
	if o.Dirty != nil {
		s.toDo = map[string]bool{}
		for d := range o.Dirty {
			for {
				s.toDo[d] = true
				if d == "" {
					break
				}
				d = d[:max(strings.LastIndexByte(d, '/'), 0)]
			}
		}
	}
	r, err := s.dir(ctx, root, nil, seen, false, o.Base, nil)
	if err != nil && ctx.Err() == nil && isPathError(err) {
		s.problem(nil, err)
		if o.Base.IsZero() {
			return s.res, fmt.Errorf("scan %s: %w: %w", o.Mapping.Path, ErrUnread, err)
		}
		// Nothing of it can be told, so nothing of it has changed.
		s.res.Tree = o.Base
		return s.res, nil
	}
	if err != nil {
		return ScanResult{}, fmt.Errorf("scan %s: %w", o.Mapping.Path, err)
	}
	s.res.Tree, s.res.Files, s.res.Bytes = r.tree, r.files, r.bytes
	byPath := func(a, b Problem) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(s.res.Problems, byPath)
	slices.SortFunc(s.res.Notices, byPath)
	return s.res, nil
}

func (s *scanner) virtual(path []string) string {
	p := s.o.Mapping.Path
	for _, c := range path {
		p = object.JoinPath(p, c)
	}
	return p
}

// checkDepth reports whether a virtual path may be as long as this one.
func (s *scanner) checkDepth(path []string) error {
	depth, n := len(path), 0
	if p := s.o.Mapping.Path; p != "/" {
		depth, n = depth+strings.Count(p, "/"), len(p)
	}
	for _, c := range path {
		n += 1 + len(c)
	}
	if depth > object.MaxDepth || n > object.MaxPath {
		return fmt.Errorf("%w: a path of %d names and %d bytes", object.ErrLimit, depth, n)
	}
	return nil
}

func (s *scanner) problem(path []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Problem{s.virtual(path), reason(err), err}
	s.res.Problems = append(s.res.Problems, p)
	s.o.Events.Emit(event.Event{Kind: event.Problem, Operation: "snapshot", Path: p.Path, Message: p.Reason})
}

func (s *scanner) notice(path []string, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Problem{Path: s.virtual(path), Reason: text}
	s.res.Notices = append(s.res.Notices, p)
	s.o.Events.Emit(event.Event{Kind: event.Notice, Operation: "snapshot", Path: p.Path, Message: p.Reason})
}

// row reads the stat cache; a row whose tree the store does not hold counts
// for nothing.
func (s *scanner) row(ctx context.Context, rel string) *row {
	b, err := s.o.Memory.Row(s.o.Mapping.Path, rel)
	if err != nil || b == nil {
		return nil
	}
	r, err := decodeRow(b)
	if err != nil {
		return nil
	}
	if miss, err := s.o.Store.Missing(ctx, []object.ID{r.tree}); err != nil || len(miss) > 0 {
		return nil
	}
	return r
}

func join(path []string, name string) []string {
	return append(path[:len(path):len(path)], name)
}

// dir scans one directory and everything below it. mount: it lies on another file
// system than the one above.
func (s *scanner) dir(ctx context.Context, d vfs.Dir, path []string, seen vfs.Stat, mount bool, base object.ID, stack *ignoreStack) (*row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rel := strings.Join(path, "/")
	old := s.row(ctx, rel)
	// What an apply gave the disk since, or left out, the row does not say.
	// The rules above may have become others, which its own files do not show.
	rules := stack.rulesID()
	if old != nil && s.toDo != nil && !s.toDo[rel] && old.tree == base && old.rules == rules {
		old.bare = len(old.names) == 0
		return old, nil
	}
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	if !mount && old != nil && old.away(names) && !base.IsZero() {
		return nil, unmounted(s.virtual(path))
	}
	if len(path) == 0 && s.o.Only != "" {
		names = slices.DeleteFunc(names, func(n string) bool { return n != s.o.Only })
	}
	slices.Sort(names)
	if _, found := slices.BinarySearch(names, ignoreName); found {
		rules, err := readIgnore(d)
		if err != nil { // without them nothing can be told of what is below
			return nil, err
		}
		stack = stack.with(path, rules)
	}
	src := &sources{s: s, ctx: ctx, base: base, dev: seen.Dev}
	if old != nil {
		src.old = old.tree
	}
	own, err := src.reserved(old)
	if err != nil {
		return nil, err
	}
	if names, err = s.kept(path, names, old, src); err != nil {
		return nil, err
	}
	if len(own) > 0 {
		names = append(names, own...)
		slices.Sort(names)
		names = slices.Compact(names)
	}
	children := make([]child, len(names))
	var wg sync.WaitGroup
	var fatal error
	for i, name := range names {
		c := &children[i]
		c.name = name
		p := join(path, c.name)
		if reserved(c.name) {
			if err := s.reserved(p, c, src, own); err != nil {
				s.mu.Lock()
				fatal = errors.Join(fatal, err)
				s.mu.Unlock()
			}
			continue
		}
		work := func() {
			if err := s.child(ctx, d, p, c, old, src, stack); err != nil {
				s.mu.Lock()
				fatal = errors.Join(fatal, err)
				s.mu.Unlock()
			}
		}
		select {
		case s.slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-s.slots }()
				work()
			})
		default:
			work()
		}
	}
	wg.Wait()
	if fatal != nil {
		return nil, fatal
	}
	return s.finish(ctx, path, seen, children, old, src, &row{rules: rules, mount: mount})
}

// reserved keeps what the tree has at a name that is bsv's own: no disk can hold
// it, so it is not missing. own are such names of the tree.
func (s *scanner) reserved(path []string, c *child, src *sources, own []string) error {
	if slices.Contains(own, c.name) {
		return s.inherit(c, nil, src)
	}
	c.left = len(path) > 1 && c.name == markerName
	if c.name != markerName {
		err := &fs.PathError{Op: "scan", Path: c.name, Err: errReserved}
		if s.o.Mapping.Unmarked {
			s.problem(path, err)
		} else {
			s.notice(path, reason(err))
		}
	}
	return nil
}

// kept adds to the names of a directory those that its tree has outside of the
// mapping's business: they need not be on this disk.
func (s *scanner) kept(path, names []string, old *row, src *sources) ([]string, error) {
	if !s.outside.some() || len(path) == 0 && s.o.Only != "" {
		return names, nil
	}
	listed := len(names)
	add := func(name string, dir bool) {
		if _, found := slices.BinarySearch(names[:listed], name); !found && s.outside.name(join(path, name), dir) {
			names = append(names, name)
		}
	}
	if old != nil && old.tree == src.base { // no need to read the tree
		for _, n := range old.names {
			add(n.name, n.kind == object.Dir)
		}
	} else {
		base, err := src.baseEntries()
		if err != nil {
			return nil, err
		}
		for name, e := range base {
			add(name, e.Kind == object.Dir)
		}
	}
	slices.Sort(names)
	return names, nil
}

// finish builds the directory's tree, or takes the one it had, and completes its
// row.
func (s *scanner) finish(ctx context.Context, path []string, seen vfs.Stat, children []child, old *row, src *sources, out *row) (*row, error) {
	out.names = make([]rowName, 0, len(children))
	same := old != nil
	n, left := 0, 0
	for _, c := range children {
		if c.left {
			left++
		}
		if !c.ok {
			continue
		}
		n++
		same = same && c.same
		out.names = append(out.names, c.stat)
		switch c.stat.kind {
		case object.Dir:
			out.files += c.stat.files
			out.bytes += c.stat.bytes
		case object.File:
			out.files++
			out.bytes += uint64(c.stat.size)
		default:
			out.files++
		}
	}
	out.bare = n == 0 && left > 0
	s.mu.Lock()
	s.res.Dirs++
	s.mu.Unlock()
	if same && n == len(old.names) {
		out.tree = old.tree
		if old.rules != out.rules || old.mount != out.mount {
			s.keepRow(path, out)
		}
		return out, nil
	}
	id, sum, err := s.tree(ctx, children, old, src)
	if err != nil {
		return nil, err
	}
	out.tree, out.bytes = id, sum.Bytes
	s.touch(path, seen)
	s.keepRow(path, out)
	return out, nil
}

// tree builds the tree of a directory: out of the one of its row where little
// has changed, and else anew.
func (s *scanner) tree(ctx context.Context, children []child, old *row, src *sources) (object.ID, object.Summary, error) {
	if old != nil {
		if edits := editsOf(children, old.names); len(edits) <= len(old.names)/8 {
			return object.EditTree(ctx, s.o.Store.Hasher(), s.o.Store, s.o.Store, old.tree, edits)
		}
	}
	return object.BuildTree(ctx, s.o.Store.Hasher(), s.o.Store, func(yield func(object.Entry, error) bool) {
		for _, c := range children {
			var e object.Entry
			var err error
			switch {
			case !c.ok:
				continue
			case c.lazy:
				e, err = src.unchanged(c.name)
			default:
				e = *c.entry
			}
			if !yield(e, err) {
				return
			}
		}
	})
}

// editsOf makes of a directory that had some names what its children are now.
func editsOf(children []child, was []rowName) []object.Edit {
	var edits []object.Edit
	for _, c := range children {
		for len(was) > 0 && was[0].name < c.name {
			edits = append(edits, object.Edit{Name: was[0].name})
			was = was[1:]
		}
		had := len(was) > 0 && was[0].name == c.name
		if had {
			was = was[1:]
		}
		switch {
		case c.ok && !c.lazy:
			edits = append(edits, object.Edit{Name: c.name, Entry: c.entry})
		case !c.ok && had:
			edits = append(edits, object.Edit{Name: c.name})
		}
	}
	for _, n := range was {
		edits = append(edits, object.Edit{Name: n.name})
	}
	return edits
}

func (s *scanner) keepRow(path []string, r *row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.res.Rows[strings.Join(path, "/")] = r.encode()
}

func isPathError(err error) bool {
	var se *storeError
	if errors.As(err, &se) {
		return false
	}
	var pe *fs.PathError
	return errors.As(err, &pe) || errors.Is(err, errChanged) || errors.Is(err, vfs.ErrNotDir) || errors.Is(err, object.ErrLimit) || errors.Is(err, object.ErrName)
}
