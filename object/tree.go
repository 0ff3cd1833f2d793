package object

import (
	"context"
	"iter"
)

// EmptyTree returns the id and plain bytes of a directory without entries.
func EmptyTree(h *Hasher) (ID, []byte) { panic("object: being built") }

// Summary is what a directory holds.
type Summary struct {
	Entries uint64 // names in this directory
	Bytes   uint64 // bytes of all files below
}

// BuildTree writes a directory from entries sorted by raw name bytes, unique.
func BuildTree(ctx context.Context, h *Hasher, sink Sink, entries iter.Seq2[Entry, error]) (ID, Summary, error) {
	panic("object: being built")
}

// Edit is a change of one name: Entry nil removes it.
type Edit struct {
	Name  string
	Entry *Entry
}

// EditTree applies edits (sorted by name, unique) to one directory and returns the new root. It rewrites only the nodes the edits
// touch, and gives the id that BuildTree would give. A zero root is an empty directory.
func EditTree(ctx context.Context, h *Hasher, g Getter, sink Sink, root ID, edits []Edit) (ID, Summary, error) {
	panic("object: being built")
}

// Entries enumerates one directory in name order, from the first name ≥ from.
func Entries(ctx context.Context, g Getter, root ID, from string) iter.Seq2[Entry, error] {
	panic("object: being built")
}

// Lookup finds one name in one directory.
func Lookup(ctx context.Context, g Getter, root ID, name string) (Entry, bool, error) {
	panic("object: being built")
}

// LookupPath finds a virtual path ("/a/b") below root. "/" yields a Dir entry with an empty name.
func LookupPath(ctx context.Context, g Getter, root ID, path string) (Entry, bool, error) {
	panic("object: being built")
}

// Change is a name that differs between two directories; A or B is nil when absent there.
type Change struct {
	Name string
	A, B *Entry
}

// DiffTree enumerates the names that differ between two directories (one level), pruning equal nodes. A zero id is an empty directory.
func DiffTree(ctx context.Context, g Getter, a, b ID) iter.Seq2[Change, error] {
	panic("object: being built")
}

// PathChange is a path that differs between two trees.
type PathChange struct {
	Path string // "/a/b"
	A, B *Entry
}

// Diff enumerates all paths that differ between two trees, depth first in name order; a directory that differs only below itself
// yields only its children, one whose own entry differs is yielded before its children; children of an added or removed directory are yielded, too.
func Diff(ctx context.Context, g Getter, a, b ID) iter.Seq2[PathChange, error] {
	panic("object: being built")
}

// PathEntry is an entry with its virtual path.
type PathEntry struct {
	Path  string
	Entry Entry
}

// Walk enumerates all entries below root, parents before children, in name order.
func Walk(ctx context.Context, g Getter, root ID) iter.Seq2[PathEntry, error] {
	panic("object: being built")
}
