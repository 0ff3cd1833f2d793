// Package worktree stands between mapped directories and trees. It is the
// only package that touches a person's files.
//
// # Words
//
// A mapping joins a virtual path to a directory. A scan turns the directory
// into a tree; a plan is the ordered difference of two trees; apply carries a
// plan out on disk. Materialised is the tree that was last given to the disk,
// found equal there, or stored from there. The marker is the file .bsvmap in
// the mapped root: without it the disk is not mounted.
//
// # Invariants
//
//   - No link is followed, neither out of a mapping nor inside it.
//   - Unreadable is never deleted: the entry keeps its last known version and
//     is reported as a problem.
//   - A file is replaced only after a look at what is displaced: what is
//     neither materialised nor last scanned is put back, and Apply returns
//     ErrReplan.
//   - Ignored files are never deleted.
//   - Names beginning with .bsv-new- are unfinished writes and may go at any
//     time; names beginning with .bsv-swap- hold a whole file that was being
//     swapped, and go only when their content is known.
//
// # Concurrency
//
// One scan or apply of a mapping at a time; both work in parallel inside.
package worktree
