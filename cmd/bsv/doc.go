// Command bsv backs up, synchronises and versions directories between a
// person's devices.
//
// This package holds flags, text and exit codes, and puts the parts together;
// it holds no logic. Every command is a client of the node's HTTP API: over
// the socket of a running node, or over a listener in its own process. So
// behaviour with and without a running node is equal by construction.
//
// # Concurrency
//
// One command runs in a process; its progress is drawn by a goroutine that
// ends with it.
package main
