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

// kept is problems of a mapping that are kept: the first by name.
type kept struct {
	First []Problem `json:"first"`
	More  int       `json:"more"`
}

func (k kept) count() int { return len(k.First) + k.More }

// mostNamed is how many of them a warning names.
const mostNamed = 3

// say tells them; what says what could not be done.
func (k kept) say(what string) string {
	text := count(k.count(), "path") + " could not be " + what
	for i, p := range k.First[:min(len(k.First), mostNamed)] {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		text += sep + legible(p.Raw()) + ": " + p.Reason
	}
	if k.count() > mostNamed {
		text += ", …"
	}
	return text
}

func (k *kept) add(list []worktree.Problem) {
	for _, p := range problems(list) {
		switch {
		case slices.Contains(k.First, p):
		case len(k.First) < mostProblems:
			k.First = append(k.First, p)
		default:
			k.More++
		}
	}
}

// What the last scans of a mapping could not read, and what the last apply
// could not write.
func unreadKey(mapping string) string    { return "unread " + mapping }
func unappliedKey(mapping string) string { return "unapplied " + mapping }

// kept is what is kept under a key. What cannot be decoded is as if nothing
// were kept: the next turn tells.
func (n *Node) kept(key string) (kept, error) {
	var k kept
	b, err := n.home.State().Value(key)
	if err != nil || b == nil {
		return k, err
	}
	if json.Unmarshal(b, &k) != nil {
		return kept{}, nil
	}
	return k, nil
}

// keep writes down what is no longer what is kept.
func (n *Node) keep(key string, old, now kept) error {
	if now.More == old.More && slices.Equal(now.First, old.First) {
		return nil
	}
	if now.count() == 0 {
		return n.home.State().NoteValue(key, nil)
	}
	b, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("note problems: %w", err)
	}
	return n.home.State().NoteValue(key, b)
}

// noteUnapplied keeps what an apply could not write: it tries all that differs.
func (n *Node) noteUnapplied(mapping string, found []worktree.Problem) error {
	old, err := n.kept(unappliedKey(mapping))
	if err != nil {
		return err
	}
	var now kept
	now.add(found)
	return n.keep(unappliedKey(mapping), old, now)
}

// noteProblems keeps what a scan of a mapping could not read. A scan of some
// directories says nothing of the others.
func (n *Node) noteProblems(mapping string, found []worktree.Problem, dirs map[string]bool) error {
	old, err := n.kept(unreadKey(mapping))
	if err != nil {
		return err
	}
	var now kept
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
	now.add(found)
	return n.keep(unreadKey(mapping), old, now)
}

// told remembers which problems the loop has logged, so that a file that stays
// unreadable is told of once.
type told struct {
	named map[worktree.Problem]bool // without their causes, which differ each time
	more  int
}

// log logs the new ones of what a turn could not read and not write. A whole
// turn that no longer meets a problem forgets it.
func (t *told) log(n *Node, unread, unapplied []worktree.Problem, whole bool) {
	next := told{named: map[worktree.Problem]bool{}}
	if !whole {
		maps.Copy(next.named, t.named)
	}
	name := func(list []worktree.Problem, hint string) {
		for _, p := range list {
			hint := hint
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
	}
	name(unread, "what cannot be read keeps its last version; bsv snapshot names all such paths")
	name(unapplied, "what cannot be written stays as it is here; bsv sync names all such paths")
	if next.more > t.more {
		n.log.Warn(count(next.more, "path")+" more could not be read or written", "hint", "bsv sync names them all")
	}
	if !whole {
		next.more = max(next.more, t.more)
	}
	*t = next
}
