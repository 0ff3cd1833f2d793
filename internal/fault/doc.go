// Package fault gives every durable step a name, so that tests can end the
// process exactly there.
//
// # Words
//
// A point is a name such as "cas.pack.renamed". An Injector knows what to do
// at which point; the nil Injector does nothing and is what production code
// carries unless BSV_FAULT is set.
//
// # Invariants
//
// Hit has no effect but the one that was asked for. There are no package
// variables: an Injector is passed in.
//
// # Concurrency
//
// An Injector is safe for concurrent use.
package fault
