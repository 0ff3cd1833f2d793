// Package object is the vault's data model: ids, canonical encoding, trees,
// lists, snapshots, records and settings. It does no I/O and reads no clock.
package object
