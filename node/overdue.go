package node

import (
	"fmt"
	"time"
)

// overdueAfter is how long a mapping may go unseen before that is worth a
// warning; a longer snapshot.every makes it longer.
const overdueAfter = 24 * time.Hour

// scanStep is how exactly the time of the last scan is kept.
const scanStep = time.Hour

func scanKey(mapping string) string { return "scanned " + mapping }

// noteScan keeps that a mapping was looked at.
func (n *Node) noteScan(mapping string) error {
	at, ok, err := n.lastScan(mapping)
	now := n.now()
	if err != nil || ok && !now.Before(at) && now.Sub(at) < scanStep {
		return err
	}
	b, err := now.UTC().MarshalText()
	if err != nil {
		return fmt.Errorf("note scan: %w", err)
	}
	return n.home.State().NoteValue(scanKey(mapping), b)
}

// lastScan is when a mapping was looked at, to scanStep; ok is false when
// that is not known.
func (n *Node) lastScan(mapping string) (at time.Time, ok bool, err error) {
	b, err := n.home.State().Value(scanKey(mapping))
	if err != nil || b == nil {
		return at, false, err
	}
	if at.UnmarshalText(b) != nil {
		return time.Time{}, false, nil // of a damaged state.db: as if never
	}
	return at, true, nil
}
