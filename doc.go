// Package bsv is backup, synchronisation and versioning in one peer-to-peer tool; start at docs/architecture.md.
package bsv
