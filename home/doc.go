// Package home owns the directory of one device's bsv: who may write it (the
// lock), what the person configured (config.toml), what the person set up
// (setup.json), who the device is (keys/device) and what it remembers
// (state.db).
//
// # Layout
//
//	home/
//	  format       "bsv home 1": refused when a newer bsv wrote it
//	  config.toml  the person's; in the XDG configuration directory when no home was named
//	  setup.json   mappings and repositories: made by commands, survives the loss of state.db
//	  keys/device  both private keys, vault tag and admission public key (keyring.Device), 0600
//	  lock         flock of the owner; its text names the owner and the socket
//	  bsv.sock     the owner's API
//	  index.db     of package cas; disposable
//	  state.db     bbolt: stat cache, what was given to the disk, peers; re-creatable
//	  repo/        the local repository, of package cas
//
// # Words
//
// The owner is the process that holds the lock. State is what may be lost
// without losing a version: a missing or damaged state.db is set aside and a
// new one begun, and State.Given then reports that nothing is known. One that
// is damaged while it is open is an error from then on, and set aside at the end.
//
// # Invariants
//
//   - At most one process has a Home open; all writing needs one. On a read-only
//     file system several may, and none of them is Writable.
//   - A home exists when it has a device key: that file is written last by
//     whoever creates a home, so a half-made home is no home.
//   - What was given to the disk and the head set A change in one transaction.
//   - What is noted in the state is durable with what is set next, and a crash
//     loses the end of it: after a restart the state is one that it has been.
//   - Nobody outside of this package sees bbolt.
//
// # Concurrency
//
// Home and State are safe for concurrent use. State has one writer at a time,
// and readers wait for it.
package home
