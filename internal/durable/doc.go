// Package durable writes small files so that a crash leaves the old bytes or
// the new ones, never a mixture.
//
// # Invariants
//
// After Write returns nil the file is on stable storage under its name: the
// bytes were synced before the rename, the directory after it. A temporary
// file that a crash left has the suffix of its writer and is removed only by
// it.
//
// # Concurrency
//
// Functions keep no state. Two writers of one name: one of them wins.
package durable
