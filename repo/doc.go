// Package repo is a place that holds objects, records and key rings: a stored
// repository, in a directory.
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
// is durable. Listing never hides an error as absence; a file that is damaged
// is logged and left out, and harms no other.
//
// # Concurrency
//
// Everything here is safe for concurrent use.
//
// # Format
//
// docs/format.md, section "Layout".
package repo
