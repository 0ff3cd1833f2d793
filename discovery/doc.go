// Package discovery finds and reaches the other devices: all libp2p is here.
//
// # Words
//
// A member is a device that may connect and is kept connected; a stranger
// reaches the pairing protocol, and the first message of the sync protocol
// with which it may prove itself. Found devices are hints: the handshake of a
// connection proves an id.
//
// # Invariants
//
// Known members are redialled for ever, at least once a second; a connection
// that does not answer a heartbeat within two seconds is closed. mDNS names
// are derived from a secret of the vault, so that only its devices meet. No two
// processes listen on one port: what was asked for and is taken is an error, and
// the default gives way as a whole.
//
// # Concurrency
//
// A Host is safe for concurrent use; Close ends every goroutine.
package discovery
