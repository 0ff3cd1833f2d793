// Package repo is a place that holds objects, records and key rings: a stored
// repository (a directory) or a member peer.
//
// # Words
//
// A record is written once, under a name that holds its digest; key rings and
// the vault header likewise. A full repository holds contents as well as
// trees.
//
// # Invariants
//
// Records are what commits: they are written after everything that they name
// is durable. Listing never hides an error as absence. What a peer sends is
// verified before it is kept.
//
// # Concurrency
//
// Everything here is safe for concurrent use.
//
// # Format
//
// docs/format.md, section "Layout".
package repo
