package object

import (
	"bytes"
	"context"
	"fmt"
	"slices"
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

// lessConflict orders conflict records by their encoding after the path.
func lessConflict(a, b Conflict) bool {
	if a.Path != b.Path {
		return a.Path < b.Path
	}
	return bytes.Compare(appendConflict(nil, a), appendConflict(nil, b)) < 0
}

// SortConflicts sorts conflict records as a snapshot holds them and drops
// repeated ones.
func SortConflicts(list []Conflict) []Conflict {
	slices.SortFunc(list, func(a, b Conflict) int {
		switch {
		case lessConflict(a, b):
			return -1
		case lessConflict(b, a):
			return 1
		}
		return 0
	})
	return slices.CompactFunc(list, func(a, b Conflict) bool { return !lessConflict(a, b) && !lessConflict(b, a) })
}

func cleanPath(p string) bool {
	c, err := CleanPath(p)
	return err == nil && c == p && p != "/"
}

func (c Conflict) check() error {
	switch {
	case !cleanPath(c.Path), len(c.Sides) < 1, len(c.Sides) > MaxSides, len(c.Copies) > MaxCopies:
		return malformed("conflict record of %q", c.Path)
	case c.Type != "content" && c.Type != "kind":
		return malformed("conflict of unknown type %q", c.Type)
	case c.Winner < 0 || c.Winner >= len(c.Sides):
		return malformed("conflict without its winner")
	}
	if c.Base != nil {
		if err := c.Base.Check(); err != nil {
			return err
		}
	}
	for _, s := range c.Sides {
		if err := s.Entry.Check(); err != nil {
			return err
		}
	}
	for _, p := range c.Copies {
		if !cleanPath(p) {
			return malformed("conflict copy %q", p)
		}
	}
	return nil
}

func appendConflict(b []byte, c Conflict) []byte {
	b = appendArray(b, 6)
	b = appendBytes(b, c.Path)
	b = appendText(b, c.Type)
	if c.Base != nil {
		b = appendEntry(b, *c.Base)
	} else {
		b = append(b, cborNull)
	}
	b = appendArray(b, len(c.Sides))
	for _, s := range c.Sides {
		b = appendArray(b, 4)
		b = appendEntry(b, s.Entry)
		b = appendMaybeLink(b, KindSnapshot, s.Snapshot)
		b = appendBytes(b, s.Device[:])
		b = appendInt(b, s.Time)
	}
	b = appendUint(b, uint64(c.Winner))
	b = appendArray(b, len(c.Copies))
	for _, p := range c.Copies {
		b = appendBytes(b, p)
	}
	return b
}

func appendMaybeLink(b []byte, kind Kind, id ID) []byte {
	if id.IsZero() {
		return append(b, cborNull)
	}
	return appendLink(b, kind, id)
}

// EncodeSnapshot returns the canonical bytes of a snapshot.
func EncodeSnapshot(s Snapshot) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	b := appendArray(nil, 10)
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
	if len(b) > MaxObject {
		return nil, fmt.Errorf("encode snapshot: %w: %d bytes, above %d", ErrLimit, len(b), MaxObject)
	}
	return b, nil
}

func (d *decoder) maybeLink() ID {
	if d.null() {
		return ID{}
	}
	id, raw := d.link()
	if raw {
		d.fail("a chunk where another object belongs")
	}
	return id
}

func (d *decoder) device() (id DeviceID) {
	b := d.bytes(len(id), "a device id")
	if d.err == nil && len(b) != len(id) {
		d.fail("a device id of %d bytes", len(b))
		return DeviceID{}
	}
	copy(id[:], b)
	return id
}

func (d *decoder) conflict() Conflict {
	var c Conflict
	d.fixed(6, "a conflict")
	c.Path = string(d.bytes(MaxPath, "a path"))
	c.Type = d.text(16, "a conflict's type")
	if !d.null() {
		e := d.entry()
		c.Base = &e
	}
	for range d.array(MaxSides, "sides") {
		if d.err != nil {
			break
		}
		d.fixed(4, "a side")
		c.Sides = append(c.Sides, Side{Entry: d.entry(), Snapshot: d.maybeLink(), Device: d.device(), Time: d.int()})
	}
	c.Winner = int(d.uintMax(MaxSides, "a winner"))
	for range d.array(MaxCopies, "copies") {
		if d.err != nil {
			break
		}
		c.Copies = append(c.Copies, string(d.bytes(MaxPath, "a path")))
	}
	return c
}

// DecodeSnapshot reads a snapshot; the error wraps ErrMalformed or ErrLimit.
func DecodeSnapshot(b []byte) (Snapshot, error) {
	if len(b) > MaxObject {
		return Snapshot{}, fmt.Errorf("read snapshot: %w", ErrLimit)
	}
	d := &decoder{b: b}
	var s Snapshot
	d.fixed(10, "a snapshot")
	s.Root = d.treeLink()
	for range d.array(MaxParents, "parents") {
		if d.err != nil {
			break
		}
		s.Parents = append(s.Parents, d.treeLink())
	}
	s.Base = d.maybeLink()
	s.MergeVersion = uint32(d.uintMax(1<<32-1, "a merge version"))
	s.Device = d.device()
	s.Time = d.int()
	s.Message = d.text(MaxMessage, "a message")
	s.Files, s.Bytes = d.uint(), d.uint()
	for range d.array(MaxConflicts, "conflicts") {
		if d.err != nil {
			break
		}
		s.Conflicts = append(s.Conflicts, d.conflict())
	}
	err := d.end()
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot: %w", err)
	}
	return s, nil
}

func (d *decoder) treeLink() ID {
	id, raw := d.link()
	if raw {
		d.fail("a chunk where another object belongs")
	}
	return id
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
