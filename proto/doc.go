// Package proto is the wire: frames, messages, tickets and the proofs of
// pairing. It carries blocks as opaque bytes; who serves, asks and pairs is
// node.
//
// # Words
//
// A control stream carries messages in both directions; a data stream carries
// requests one way and frames of blocks the other.
//
// # Invariants
//
// Every length is checked against a limit before anything is allocated. A
// message that is malformed, too long or out of place is ErrViolation, and
// whoever reads it gives the stream up. Nothing is sent to a peer that has not
// proven itself, but the pairing protocol's own messages.
//
// # Concurrency
//
// A Conn may be written by several goroutines and is read by one.
//
// # Format
//
// docs/protocol.md is the specification; messages.proto its control messages.
package proto
