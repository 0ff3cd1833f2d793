// Package event holds the one type in which bsv tells what happens: progress
// on a terminal, `--progress json`, the HTTP event stream and logs are four
// views of it.
//
// # Invariants
//
// An Event is a value; a sink must not block its caller for long.
//
// # Concurrency
//
// A Bus is safe for concurrent use; a slow subscriber loses the oldest events
// and never slows the publisher.
package event
