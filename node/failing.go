package node

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/bsvsync/bsv/merge"
)

// Failing is work that the node could not do when it last tried, as the status
// tells it. It is gone as soon as the same work succeeds.
type Failing struct {
	Work   string `json:"work"` // snapshot, apply, compact, publish, fetch
	Kind   Kind   `json:"kind"`
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
}

// The work that is noted, in the order in which it is told.
const (
	workSnapshot = "snapshot"
	workApply    = "apply"
	workCompact  = "compact"
	workPublish  = "publish"
	workFetch    = "fetch"
)

var works = []string{workSnapshot, workApply, workCompact, workPublish, workFetch}

// stuckError is the error that some mappings could not be given the state: those
// that it names.
type stuckError map[string]error

func (e stuckError) Error() string { return errors.Join(e.Unwrap()...).Error() }

func (e stuckError) Unwrap() []error {
	var list []error
	for _, path := range slices.Sorted(maps.Keys(e)) {
		list = append(list, e[path])
	}
	return list
}

// of is what an error says of one mapping.
func of(err error, path string) error {
	var e stuckError
	if errors.As(err, &e) {
		return e[path]
	}
	return err
}

// without says what does not happen as long as work fails.
func (f Failing) without() string {
	switch f.Work {
	case workSnapshot:
		return "what is changed here cannot be stored"
	case workApply:
		return "what other devices changed cannot be applied here"
	case workCompact:
		return "small packs cannot be merged"
	case workPublish:
		return "this device's news cannot be published"
	}
	return "what other devices have cannot be fetched"
}

func (f Failing) warning() Warning { return Warning{f.without() + ": " + f.Reason, f.Hint} }

// failing is failed work as the status tells it.
func failing(work string, err error) Failing {
	e := Explain(err)
	f := Failing{work, e.Kind, e.Msg, e.Hint}
	switch {
	case f.Kind == NoSpace:
		f.Hint = "free some space there: the node goes on by itself, and nothing was lost"
	case e.Hint == "":
		f.Hint = "once that is mended the node goes on by itself; at once with: bsv sync"
	}
	return f
}

// note keeps how work ended; nil is success.
func (n *Node) note(ctx context.Context, work string, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	if err == nil {
		delete(n.failing, work)
		return
	}
	n.failing[work] = err
}

// failures are what is noted, but for what the status tells otherwise.
func (n *Node) failures(damaged bool) []Failing {
	out := []Failing{}
	n.loopMu.Lock()
	defer n.loopMu.Unlock()
	for _, w := range works {
		err := n.failing[w]
		if err == nil || errors.Is(err, merge.ErrVersion) {
			continue
		}
		if f := failing(w, err); !damaged || f.Kind != Damage {
			out = append(out, f)
		}
	}
	return out
}
