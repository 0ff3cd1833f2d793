package worktree

import (
	"sync"

	"github.com/bsvsync/bsv/object"
)

// Written remembers what Apply wrote and what stat said of it, by path below
// the mapping. The zero value is empty.
type Written struct {
	mu sync.Mutex
	m  map[string]written
}

type written struct {
	stat  rowName
	entry object.Entry
}

func (w *Written) set(path string, v written) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = map[string]written{}
	}
	w.m[path] = v
}

func (w *Written) get(path string) (written, bool) {
	if w == nil {
		return written{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := w.m[path]
	return v, ok
}
