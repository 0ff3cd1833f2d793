// Package worktree stands between mapped directories and trees. It is the
// only package that touches a person's files.
//
// # Words
//
// A mapping joins a virtual path to a directory. A scan turns the directory
// into a tree; a plan is the ordered difference of two trees; apply carries a
// plan out on disk. Materialised is the tree that was last given to the disk,
// found equal there, or stored from there. The marker is the file .bsvmap in
// the mapped root: without it the disk is not mounted. What is called .bsvmap
// below the root is another vault's marker, and never in the tree.
//
// # Invariants
//
//   - All work goes through vfs.Dir: single names in opened directories. No
//     link is followed, neither out of a mapping nor inside it.
//   - Unreadable is never deleted: the entry keeps its last known version and
//     is reported as a problem. So does a directory whose ignore file cannot
//     be read.
//   - A file is replaced only after a look at what is displaced: what is
//     neither materialised nor last scanned is put back, and Apply returns
//     ErrReplan. What finds its name taken by then comes back as recovered-…
//   - Ignored files are never changed or deleted; a new directory that holds
//     nothing else is not in the tree. What is excluded, and bsv's home, keeps
//     its entry and is never applied.
//   - What Apply could not or would not do is in Undone, so that what is
//     materialised stays exact.
//   - Names beginning with .bsv-new- are unfinished writes and may go at any
//     time; names beginning with .bsv-swap- hold what was being swapped, and go
//     only when their content is known. A directory that an apply had to make
//     writable gets its mode back, after a crash by Recover.
//   - What is reported as done or stored is durable: few files are synced one
//     by one, many with their whole file system.
//
// # Concurrency
//
// One scan or apply of a mapping at a time; both work in parallel inside.
package worktree
