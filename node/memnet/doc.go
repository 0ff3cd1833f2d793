// Package memnet is a network in memory: several nodes in one process, without
// libp2p and without sockets, for tests and simulations.
//
// # Words
//
// A Net joins Hosts; a Host is what node.Network asks for. A link between two
// hosts can be cut and healed.
//
// # Invariants
//
// A stream is ordered, reliable and buffered up to Window bytes each way, like
// a libp2p stream; an id that a handler is told is the dialling host's own, so
// identities cannot be forged. A cut resets every stream of the link. Nothing
// here reads a real clock beside package time, so that testing/synctest runs
// it in virtual time.
//
// # Concurrency
//
// All types are safe for concurrent use; Close of a Host ends its goroutines.
package memnet
