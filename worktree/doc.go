// Package worktree stands between mapped directories and trees. It is the
// only package that touches a person's files.
//
// # Words
//
// A mapping joins a virtual path to a directory. A scan turns the directory
// into a tree; a plan is the ordered difference of two trees; apply carries a
// plan out on disk. Materialised is the tree that was last given to the disk,
// found equal there, or stored from there. The marker is the file .bsvmap in
// the mapped root, with the device and the virtual path: without it, or with
// another path, the disk is not mounted. What is called .bsvmap
// below the root is another vault's marker, and never in the tree.
//
// # Invariants
//
//   - All work goes through vfs.Dir: single names in opened directories. No
//     link is followed, neither out of a mapping nor inside it.
//   - Unreadable is never deleted: the entry keeps its last known version and
//     is reported as a problem. So does a directory whose ignore file cannot
//     be read.
//   - A file gets its name when it is whole and synced: in a mapping and in a
//     target that a person named, whatever ends the apply.
//   - A file is replaced only after a look at what is displaced: what is
//     neither materialised nor last scanned is put back, and Apply returns
//     ErrReplan. What finds its name taken by then comes back as recovered-…
//   - Ignored files are never changed or deleted; a new directory that holds
//     nothing else is not in the tree. What is excluded, and bsv's home, keeps
//     its entry and is never applied: it counts as materialised as it is wanted,
//     and when a rule lets it in again its past is unknown (Readmission).
//   - What Apply could not or would not do is in Undone, so that what is
//     materialised stays exact.
//   - .bsvmap and names beginning with .bsv-new- or .bsv-swap- are neither
//     stored nor applied, at any depth. With 16 hex digits behind it the first
//     is an unfinished write and may go at any time; the second holds what was
//     being swapped, and goes only when its content is known. What else is
//     called so is a person's, and stays. A directory that an apply had to make
//     writable gets its mode back, after a crash by Recover.
//   - What is reported as done or stored is durable: few files are synced one
//     by one, many with their whole file system.
//
// # Concurrency
//
// One scan or apply of a mapping at a time; both work in parallel inside.
package worktree
