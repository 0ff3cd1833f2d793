// Package vfs is the file system as bsv's durable code sees it: the real one,
// one in memory that forgets at a crash what was not synced, and one whose
// nth call fails.
//
// # Words
//
// Synced bytes survive a crash; a name survives when its directory was synced
// after the name was made. A crash keeps, for everything not synced, any
// state between the last sync and now, chosen by a seed. Durable files are
// reached by paths (FS, File); a person's tree through open directories (Dir,
// Handle), which follow no link.
//
// # Invariants
//
// Paths use the slash of the system (OS) or "/" (Mem). Errors match the
// sentinels of io/fs. Nothing here follows policy: callers order their writes
// and syncs.
//
// # Concurrency
//
// All file systems are safe for concurrent use; a File is used by one
// goroutine at a time, except ReadAt.
package vfs
