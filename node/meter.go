package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// meter adds up what an operation has done, so that each event tells all of
// it and one that is lost does no harm.
type meter struct {
	mu  sync.Mutex
	sum event.Event
	way map[string]uint64 // bytes of the files under way, by path
}

// begin starts an operation anew. Zero totals are not known yet.
func (m *meter) begin(operation string, files, bytes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.way = map[string]uint64{}
	m.sum = event.Event{Operation: operation, TotalFiles: files, TotalBytes: bytes}
}

// total tells an operation under way how much there is to do.
func (m *meter) total(files, bytes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.TotalFiles, m.sum.TotalBytes = files, bytes
}

// publish counts what e did and tells everything done so far, in order. An
// event that counts no file is of one under way.
func (m *meter) publish(e event.Event, bus *event.Bus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Files == 0 && e.Path != "" {
		if m.way == nil {
			m.way = map[string]uint64{}
		}
		m.way[e.Path] = e.Bytes
	} else {
		delete(m.way, e.Path)
		m.sum.Files += e.Files
		m.sum.Bytes += e.Bytes
	}
	if m.sum.Operation != "" {
		e.Operation = m.sum.Operation
	}
	bytes := m.sum.Bytes
	for _, n := range m.way {
		bytes += n
	}
	e.Files, e.Bytes, e.TotalFiles, e.TotalBytes = m.sum.Files, bytes, m.sum.TotalFiles, m.sum.TotalBytes
	bus.Publish(e)
}

// drop forgets a file under way: it is a problem now.
func (m *meter) drop(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.way, path)
}

// emit publishes what worktree tells.
func (n *Node) emit(e event.Event) {
	if e.Kind == event.Progress {
		n.meter.publish(e, n.Bus)
		return
	}
	if e.Kind == event.Problem {
		n.meter.drop(e.Path)
	}
	n.Bus.Publish(e)
}

// aheadAfter is how long a snapshot runs before its work is counted: one that
// finds little to do is over by then and pays nothing.
const aheadAfter = 300 * time.Millisecond

// ahead counts beside a scan what it will read. The returned function ends
// the counting.
func (n *Node) ahead(ctx context.Context, v *vault, only []string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(aheadAfter):
		}
		maps, err := n.mappings(v)
		if err != nil {
			return // the scan tells of it
		}
		var files, bytes uint64
		for _, m := range maps {
			if len(only) > 0 && !slices.Contains(only, m.Path) {
				continue
			}
			f, b, err := worktree.Ahead(ctx, worktree.ScanOptions{Mapping: m, Memory: n.home.State()})
			if err != nil {
				continue
			}
			files, bytes = files+f, bytes+b
		}
		if ctx.Err() == nil {
			n.meter.total(files, bytes)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// beginTree starts an operation that writes a tree into an empty place.
func (n *Node) beginTree(ctx context.Context, v *vault, operation string, files uint64, tree object.ID) error {
	sum, err := object.Summarise(ctx, v.repo, tree)
	if err != nil {
		return err
	}
	n.meter.begin(operation, files, sum.Bytes)
	return nil
}
