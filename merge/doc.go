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
// The state folds the heads in the order of their ids, each by the state of
// what it and those before it have both seen (base.go). Merge version 1 of
// trees: (1) same on both sides, or changed on one; (2) content against
// content; (3) delete against change; (4) directory deleted against changes
// inside; (5) kinds that differ; (6) metadata never conflicts; (9) provenance
// of conflict copies.
//
// Not in version 1, and where they have their place: texts (2) before the
// dispute in contents, atomic directories (7) before bothDirs, and policies
// where a dispute is made, all in three.go; renames (8) as a pass over the
// three roots before trees, because they are looked for across directories.
// Env.Version says which rules a vault has; a newer one is ErrVersion.
//
// # Invariants
//
// No I/O but a Getter, no clock, no randomness, no order of maps: devices
// that know the same heads compute the same root, byte for byte. Three is
// symmetric. A content is missing from a result only if one side saw it and
// dropped it; a conflict copy never overwrites. What cannot be read is an
// error, never a guess. A merge reads what differs of the trees, and of the
// history what lies between the heads and what they share (ancestry.go), each
// snapshot once. New objects are returned, never written: trees, and linked
// extended attributes that were merged key by key.
//
// # Concurrency
//
// Functions keep no state; a Memo may be shared by goroutines, of one vault.
// Results belong to the caller.
package merge
