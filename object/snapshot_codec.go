package object

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf8"
)

// Check reports whether a snapshot may be written.
func (s Snapshot) Check() error {
	switch {
	case s.Root.IsZero():
		return malformed("a snapshot without a root")
	case len(s.Parents) > MaxParents:
		return fmt.Errorf("%w: %d parents, above %d", ErrLimit, len(s.Parents), MaxParents)
	case len(s.Parents) > 0 && s.Base.IsZero(), len(s.Parents) == 0 && !s.Base.IsZero():
		return malformed("a snapshot has a base exactly when it has parents")
	case len(s.Message) > MaxMessage:
		return fmt.Errorf("%w: a message of %d bytes, above %d", ErrLimit, len(s.Message), MaxMessage)
	case !utf8.ValidString(s.Message):
		return malformed("a message that is not UTF-8")
	case s.Device.IsZero():
		return malformed("a snapshot without a device")
	case len(s.Conflicts) > MaxConflicts:
		return fmt.Errorf("%w: %d conflicts, above %d", ErrLimit, len(s.Conflicts), MaxConflicts)
	}
	for i, p := range s.Parents {
		if p.IsZero() || i > 0 && bytes.Compare(s.Parents[i-1][:], p[:]) >= 0 {
			return malformed("parents out of order")
		}
	}
	for i, c := range s.Conflicts {
		if i > 0 && !lessConflict(s.Conflicts[i-1], c) {
			return malformed("conflicts out of order")
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// EncodeSnapshot returns the canonical bytes of a snapshot.
func EncodeSnapshot(s Snapshot) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	b := appendSnapshot(nil, s)
	if len(b) > MaxObject {
		return nil, fmt.Errorf("encode snapshot: %w: %d bytes, above %d", ErrLimit, len(b), MaxObject)
	}
	return b, nil
}

func appendSnapshot(b []byte, s Snapshot) []byte {
	b = appendArray(b, 10)
	b = appendLink(b, KindTree, s.Root)
	b = appendArray(b, len(s.Parents))
	for _, p := range s.Parents {
		b = appendLink(b, KindSnapshot, p)
	}
	b = appendMaybeLink(b, KindTree, s.Base)
	b = appendUint(b, uint64(s.MergeVersion))
	b = appendBytes(b, s.Device[:])
	b = appendInt(b, s.Time)
	b = appendText(b, s.Message)
	b = appendUint(b, s.Files)
	b = appendUint(b, s.Bytes)
	b = appendArray(b, len(s.Conflicts))
	for _, c := range s.Conflicts {
		b = appendConflict(b, c)
	}
	return b
}

// DecodeSnapshot reads a snapshot; the error wraps ErrMalformed or ErrLimit.
func DecodeSnapshot(b []byte) (Snapshot, error) {
	if len(b) > MaxObject {
		return Snapshot{}, fmt.Errorf("read snapshot: %w: %d bytes, above %d", ErrLimit, len(b), MaxObject)
	}
	d := &decoder{b: b}
	var s Snapshot
	d.fixed(10, "a snapshot")
	s.Root = d.objectLink()
	s.Parents = listOf(d, MaxParents, "parents", d.objectLink)
	s.Base = d.maybeLink()
	s.MergeVersion = uint32(d.uintMax(1<<32-1, "a merge version"))
	s.Device = d.device()
	s.Time = d.int()
	s.Message = d.text(MaxMessage, "a message")
	s.Files, s.Bytes = d.uint("a count of files"), d.uint("a count of bytes")
	s.Conflicts = listOf(d, MaxConflicts, "conflicts", d.conflict)
	err := d.end()
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot: %w", err)
	}
	return s, nil
}

// GetSnapshot reads a snapshot through a Getter.
func GetSnapshot(ctx context.Context, g Getter, id ID) (Snapshot, error) {
	b, err := g.Get(ctx, id)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot %s: %w", id.Short(), err)
	}
	s, err := DecodeSnapshot(b)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%s: %w", id.Short(), err)
	}
	return s, nil
}
