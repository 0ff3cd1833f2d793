package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/worktree"
)

// mostProblems is how many problems of a mapping are kept by name; the rest
// are counted.
const mostProblems = 10

// unread is what the last scans of a mapping could not read.
type unread struct {
	First []Problem `json:"first"`
	More  int       `json:"more"`
}

func (u unread) count() int { return len(u.First) + u.More }

func (u unread) String() string {
	text := count(u.count(), "path") + " could not be read"
	if len(u.First) > 0 {
		text += ": " + legible(u.First[0].Raw()) + ": " + u.First[0].Reason
	}
	if u.count() > 1 {
		text += ", …"
	}
	return text
}

func unreadKey(mapping string) string { return "unread " + mapping }

// unread is what is kept of a mapping. What cannot be decoded is as if
// nothing were kept: the next scan tells.
func (n *Node) unread(mapping string) (unread, error) {
	var u unread
	b, err := n.home.State().Value(unreadKey(mapping))
	if err != nil || b == nil {
		return u, err
	}
	if json.Unmarshal(b, &u) != nil {
		return unread{}, nil
	}
	return u, nil
}

// noteProblems keeps what a scan of a mapping could not read. A scan of some
// directories says nothing of the others.
func (n *Node) noteProblems(mapping string, found []worktree.Problem, dirs map[string]bool) error {
	old, err := n.unread(mapping)
	if err != nil {
		return err
	}
	var now unread
	if dirs != nil {
		now.More = old.More
		for _, p := range old.First {
			rel := strings.Trim(strings.TrimPrefix(p.Raw(), mapping), "/")
			parent, _ := object.SplitPath("/" + rel)
			if !dirs[rel] && !dirs[strings.Trim(parent, "/")] {
				now.First = append(now.First, p)
			}
		}
	}
	for _, p := range problems(found) {
		switch {
		case slices.Contains(now.First, p):
		case len(now.First) < mostProblems:
			now.First = append(now.First, p)
		default:
			now.More++
		}
	}
	if now.More == old.More && slices.Equal(now.First, old.First) {
		return nil
	}
	if now.count() == 0 {
		return n.home.State().SetValue(unreadKey(mapping), nil)
	}
	b, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("note problems: %w", err)
	}
	return n.home.State().SetValue(unreadKey(mapping), b)
}

// told remembers which problems the loop has logged, so that a file that stays
// unreadable is told of once.
type told struct {
	named map[worktree.Problem]bool // without their causes, which differ each time
	more  int
}

// log logs the new ones of a turn's problems. A whole turn that no longer meets
// a problem forgets it.
func (t *told) log(n *Node, list []worktree.Problem, whole bool) {
	next := told{named: map[worktree.Problem]bool{}}
	if !whole {
		maps.Copy(next.named, t.named)
	}
	for _, p := range list {
		hint := "what cannot be read keeps its last version; bsv snapshot names all such paths"
		if isDamage(p.Err) {
			hint = Explain(p.Err).Hint
		}
		p.Err = nil
		switch {
		case next.named[p]:
		case len(next.named) == mostProblems:
			next.more++
		default:
			next.named[p] = true
			if !t.named[p] {
				n.log.Warn(p.Path+": "+p.Reason, "hint", hint)
			}
		}
	}
	if next.more > t.more {
		n.log.Warn(count(next.more, "path")+" more could not be read or written", "hint", "bsv snapshot names them all")
	}
	if !whole {
		next.more = max(next.more, t.more)
	}
	*t = next
}
