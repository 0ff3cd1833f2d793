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

func scanKey(mapping string) string   { return "scanned " + mapping }
func mappedKey(mapping string) string { return "mapped " + mapping }

// noteMapped keeps since when a mapping waits to be looked at for the first time.
func (n *Node) noteMapped(mapping string) error { return n.noteTime(mappedKey(mapping), n.now()) }

// noteScan keeps that a mapping was looked at.
func (n *Node) noteScan(mapping string) error {
	at, ok, err := n.lastScan(mapping)
	now := n.now()
	if err != nil || ok && !now.Before(at) && now.Sub(at) < scanStep {
		return err
	}
	return n.noteTime(scanKey(mapping), now)
}

func (n *Node) noteTime(key string, at time.Time) error {
	b, err := at.UTC().MarshalText()
	if err != nil {
		return fmt.Errorf("note time: %w", err)
	}
	return n.home.State().NoteValue(key, b)
}

// lastScan is when a mapping was looked at, to scanStep; ok is false when
// that is not known.
func (n *Node) lastScan(mapping string) (at time.Time, ok bool, err error) {
	return n.notedTime(scanKey(mapping))
}

func (n *Node) notedTime(key string) (at time.Time, ok bool, err error) {
	b, err := n.home.State().Value(key)
	if err != nil || b == nil {
		return at, false, err
	}
	if at.UnmarshalText(b) != nil {
		return time.Time{}, false, nil // of a damaged state.db: as if never
	}
	return at, true, nil
}

// overdue says why a mapping is OVERDUE, "" if it is not, and when it was looked
// at, the zero time if that is not known. A time that lies ahead by more than a
// clock is put right by says that the clock was wrong, and no more: a mapping of
// which nothing is known has to be looked at.
func (n *Node) overdue(mapping string) (why string, last time.Time, err error) {
	now, limit := n.now(), max(overdueAfter, 3*n.home.Config().Snapshot.Every)
	last, scanned, err := n.lastScan(mapping)
	if err != nil {
		return "", last, err
	}
	mapped, known, err := n.notedTime(mappedKey(mapping))
	if err != nil {
		return "", last, err
	}
	switch {
	case scanned && last.Sub(now) > limit, !scanned && known && mapped.Sub(now) > limit:
		return "the clock was wrong, so it is not known when it was looked at", time.Time{}, nil
	case scanned && now.Sub(last) > limit:
		return "nothing has looked at it since " + LocalTime(last), last, nil
	case scanned:
		return "", last, nil
	case !known:
		return "it is not known when it was looked at", last, nil
	case now.Sub(mapped) > limit:
		return "nothing of it is stored yet, and it was mapped " + LocalTime(mapped), last, nil
	}
	return "", last, nil
}
