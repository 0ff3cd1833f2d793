// Package node is everything that a person can do with a vault on one device:
// one method per use case, and the loop that keeps a running node in sync.
//
// # Words
//
// The view is what the records say: members, settings, heads. H is the set of
// maximal heads that are complete here; the state is f(H). Given is what the
// disk was given: A and the materialised trees.
//
// # Invariants
//
//   - Order of a snapshot: objects durable, then A and materialised, then the
//     record. Of an apply: A, then the first step.
//   - A record counts when its device is a member and its head complete here.
//   - The node never imports discovery: it runs over any Network.
//
// # Concurrency
//
// All methods are safe for concurrent use. One of them at a time changes the
// vault or the disk (Node.work); reading never waits for it.
package node
