// Package merge computes the state of a vault: one tree as a pure function of
// a set of heads.
//
// # Words
//
// Heads are snapshots none of which is an ancestor of another. The base of
// two sets is what both have seen: their maximal common ancestors, merged. A
// conflict copy is the version that lost the name, kept under another one.
//
// # Rules
//
// Merge version 1: (1) same on both sides, or changed on one; (2) content
// against content; (3) delete against change; (4) directory deleted against
// changes inside; (5) kinds that differ; (6) metadata never conflicts; (9)
// provenance of conflict copies. Rules 7 (atomic directories) and 8 (renames),
// texts and policies belong to merge version 2: they have their place in
// name (three.go), where a path is decided, and nowhere else.
//
// # Invariants
//
// No I/O but a Getter, no clock, no randomness, no order of maps: devices
// that know the same heads compute the same root, byte for byte. Three is
// symmetric. A content is missing from a result only if one side saw it and
// dropped it. New objects are returned, never written.
//
// # Concurrency
//
// Functions keep no state; a Memo may be shared.
package merge
