// Package dir keeps a repository's files in a directory.
//
// # Invariants
//
// A file appears under its name whole and synced, or not at all. Temporary
// names end in ".tmp-" and the writer's device; only that device removes
// them. Lists never show temporary files.
//
// # Concurrency
//
// A Backend is safe for concurrent use.
package dir
