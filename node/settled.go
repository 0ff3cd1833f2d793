package node

import (
	"bytes"
	"slices"

	"github.com/bsvsync/bsv/object"
)

// A mapping is settled when an apply came to its end and left on purpose what is
// not bsv's to change: a directory that another device deleted, and that holds
// what is ignored here. What it has is then not what the state has, and nothing
// is left to do.

func settledKey(path string) string { return "settled " + path }

// noteSettled notes that a mapping that was to be given want has have, for good.
func (n *Node) noteSettled(path string, have, want object.ID) error {
	return n.home.State().NoteValue(settledKey(path), slices.Concat(have[:], want[:]))
}

func (n *Node) isSettled(path string, have, want object.ID) bool {
	b, err := n.home.State().Value(settledKey(path))
	return err == nil && bytes.Equal(b, slices.Concat(have[:], want[:]))
}
