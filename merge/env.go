package merge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bsvsync/bsv/object"
)

// Version is the newest merge version that this package knows.
const Version = 1

// ErrVersion says that the vault merges by rules that this program does not
// have: it must not merge, and may go on keeping snapshots.
var ErrVersion = errors.New("merge version is newer than this program")

// Env is what a merge reads.
type Env struct {
	Get     object.Getter
	Hash    *object.Hasher
	Version uint32 // the vault's merge version; 0 means 1
	Memo    *Memo  // may be nil
}

func (e Env) check() error {
	if e.Version > Version {
		return fmt.Errorf("%w: %d, above %d", ErrVersion, e.Version, Version)
	}
	return nil
}

// Object is a new object of a result.
type Object struct {
	ID    object.ID
	Kind  object.Kind
	Plain []byte
}

// Notice tells of a decision that people may want to see; it belongs to one
// merge and is not carried.
type Notice struct{ Path, Text string }

// Result of a merge. Objects in New are those that the Getter may lack,
// children first.
type Result struct {
	Root      object.ID
	New       []Object
	Conflicts []object.Conflict
	Notices   []Notice
}

// Memo remembers snapshots and the states of sets, of one vault. It is safe
// for concurrent use and bounded. Of a result it changes only which objects
// New has beyond those that the root needs.
type Memo struct {
	mu     sync.Mutex
	snaps  map[object.ID]object.Snapshot
	states map[string]memoised
}

type memoised struct {
	root      object.ID
	conflicts []object.Conflict
	notices   []Notice
	objects   []Object
}

const (
	maxSnaps  = 1 << 12
	maxStates = 1 << 10
	// maxObjects bounds what one remembered state holds in memory.
	maxObjects = 1 << 10
)

// NewMemo returns an empty memo.
func NewMemo() *Memo {
	return &Memo{snaps: map[object.ID]object.Snapshot{}, states: map[string]memoised{}}
}

func (m *Memo) snapshot(ctx context.Context, g object.Getter, id object.ID) (object.Snapshot, error) {
	m.mu.Lock()
	s, ok := m.snaps[id]
	m.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := object.GetSnapshot(ctx, g, id)
	if err != nil {
		return s, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.snaps) >= maxSnaps {
		clear(m.snaps)
	}
	m.snaps[id] = s
	return s, nil
}

func (m *Memo) state(key string) (memoised, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.states[key]
	return v, ok
}

func (m *Memo) keep(key string, v memoised) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.states) >= maxStates {
		clear(m.states)
	}
	m.states[key] = v
}

// work is one computation: an overlay over the Getter, and the history.
type work struct {
	Env
	*history
	over *object.Overlay
}

func newWork(ctx context.Context, env Env) *work {
	return &work{Env: env, history: newHistory(ctx, env.Get, env.Memo), over: object.NewOverlay(env.Get, env.Hash)}
}

// cloneConflicts copies records that a Memo or a snapshot shares with others.
func cloneConflicts(list []object.Conflict) []object.Conflict {
	out := slices.Clone(list)
	for i := range out {
		out[i].Sides = slices.Clone(out[i].Sides)
		out[i].Copies = slices.Clone(out[i].Copies)
	}
	return out
}

// objects are the new objects so far, children first.
func (w *work) objects() []Object {
	var out []Object
	err := w.over.All(func(id object.ID, kind object.Kind, plain []byte) error {
		out = append(out, Object{id, kind, plain})
		return nil
	})
	if err != nil { // the function returns none
		panic(fmt.Sprintf("merge: %v", err))
	}
	return out
}
