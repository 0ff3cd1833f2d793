// Package object is bsv's data model: ids, the canonical encoding, and what
// can be read from and built out of immutable objects and signed records.
//
// # Words
//
// A chunk is bytes of a file; a list is a long file's chunks; a tree is a
// directory; a snapshot names a root tree and its parents; settings are one
// joined map. Trees and lists are split by content into nodes, so that an
// edit rewrites little and equal content has equal ids. A record is a
// device's signed statement; an admission is a signed statement that a device
// is a member.
//
// # Invariants
//
// One value has one encoding: decoders reject everything that an encoder of
// this package would not write, trailing bytes too. An id is the keyed digest
// of kind and plain bytes. Content of at most InlineMax bytes lives in its
// entry and nowhere else; content of one chunk points at the chunk. Nothing
// here does I/O or reads a clock; a Getter and a Sink are the only doors.
//
// # Concurrency
//
// Values are plain; a Hasher is safe for concurrent use. Enumerations read
// through the Getter while they run.
//
// # Format
//
// docs/format.md is normative; the vectors of testdata hold it.
package object
