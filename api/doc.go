// Package api is the node over HTTP: one handler, a typed client, and the
// listeners: a unix socket whose peer must be the home's owner, an in-memory
// one for commands without a running node, and TCP.
//
// # Invariants
//
// State never changes by GET. Operations that name local paths exist on the
// socket and in memory only, never on TCP. Every error is an RFC 9457 problem
// with the exit code and hint of the command line.
//
// # Concurrency
//
// Handler and Client are safe for concurrent use.
//
// # Format
//
// OpenAPI 3.1 at /api/v1/openapi.json, made from the Go types.
package api
