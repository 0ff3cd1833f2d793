// Package cas is the content-addressed store: it cuts files into chunks,
// compresses and seals objects in blocks, writes blocks as packs, and finds
// objects again through an index that can always be rebuilt.
//
// # Words
//
// A block is the unit of compression, sealing, transfer and reading; an
// object is the unit of identity. A pack is a file of blocks with a table. An
// object is pending from Put until its index batch: readable, not durable. A
// pack is adopted when it is found on disk and not in the index. A row of the
// index is an object and where it lies; a run is many rows, sorted by id.
//
// # Invariants
//
//   - Commit order: packs (temporary name, write, sync, rename, sync of the
//     directory), then the index batch. What Commit returned for is durable.
//   - The index is derived: it names the packs that it covers, and packs that
//     it does not cover are adopted, packs that are gone leave it, and a damaged
//     one is built again: at the next Open, if it shows while it is in use
//     (ErrIndex). Where there
//     are many objects, durable packs enter it before the commit, in several
//     transactions: a pack is marked as partial until the last of them, and
//     one that is found so is adopted again.
//   - A store that is opened read-only leaves the index as it is. One that does
//     not cover exactly the packs that are there is replaced for that time by
//     another, in a temporary directory.
//   - Nothing enters the index before its id was computed from its bytes.
//   - What is met damaged, or in a pack that is gone or cut off, leaves the index,
//     so that it can be stored again; a copy in another pack takes its place. No
//     pack is removed or written over for that. What was derived from presence
//     holds for one generation of the index only, and this is another.
//   - A failed sync poisons the store: nothing is written after it.
//
// # Concurrency
//
// A Store is safe for concurrent use. Put, WriteFile and Append run in
// parallel, also while packs are written; Commit waits for those under way and
// for their packs, and covers all that came before it. A Stream of a long list
// reads ahead in goroutines that end with it; all streams together hold no more
// than a few pieces per core.
//
// # Format
//
// docs/format.md, sections "Blocks" and "Packs". The index is no part of it: its
// buckets are described in index.go, its runs in run.go, and why it is so in
// docs/decisions/0011-the-index-is-sorted-in-runs.md.
package cas
