// Package boltfile opens bbolt files that may be damaged. bbolt maps a file into
// memory and trusts it: a page that is not what it should be is a panic there,
// in places a goroutine of its own, where nobody can recover it; a file that was
// cut short is a SIGBUS. Here damage is an error.
//
// # Words
//
// A file is damaged when its pages do not make the tree that its meta page
// speaks of. What the tree holds is for its owner to judge.
//
// # Invariants
//
//   - bbolt opens only what was found whole, at the start or when it was closed,
//     and keeps the freelist in the file: without one it looks for free pages in
//     a goroutine of its own.
//   - After the first damage nothing more is read or written: bbolt may hold
//     locks that it did not give back.
//
// # Concurrency
//
// A File is safe for concurrent use, as a bbolt database is.
package boltfile
