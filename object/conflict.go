package object

import (
	"bytes"
	"slices"
)

// Side is one of the versions that met in a conflict.
type Side struct {
	Entry    Entry // Name is the base name it had
	Snapshot ID    // smallest-id head that holds it
	Device   DeviceID
	Time     int64
}

// Conflict is the record of one conflict; it lives as long as a copy exists.
type Conflict struct {
	Path   string // virtual path of the name in dispute, "/a/b"
	Type   string // "content", "kind"
	Base   *Entry // nil when the name was absent in the base
	Sides  []Side
	Winner int      // index into Sides
	Copies []string // virtual paths of the conflict copies
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

// FitConflicts is SortConflicts for a snapshot that is to be written: it
// leaves out records of which no snapshot may hold one, and those beyond what
// one may hold. Their copies stay in the tree: a record is for people, and its
// size must not stop the snapshots of a device.
func FitConflicts(list []Conflict) []Conflict {
	list = slices.DeleteFunc(slices.Clone(list), func(c Conflict) bool { return c.check() != nil })
	list = SortConflicts(list)
	size := 0
	for i, c := range list {
		if size += len(appendConflict(nil, c)); i == MaxConflicts || size > maxConflictBytes {
			return list[:i]
		}
	}
	return list
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

func (d *decoder) conflict() Conflict {
	var c Conflict
	d.fixed(6, "a conflict")
	c.Path = string(d.bytes(MaxPath, "a path"))
	c.Type = d.text(16, "a conflict's type")
	if !d.null() {
		e := d.entry()
		c.Base = &e
	}
	c.Sides = listOf(d, MaxSides, "sides", func() Side {
		d.fixed(4, "a side")
		return Side{Entry: d.entry(), Snapshot: d.maybeLink(), Device: d.device(), Time: d.int()}
	})
	c.Winner = int(d.uintMax(MaxSides, "a winner"))
	c.Copies = listOf(d, MaxCopies, "copies", func() string { return string(d.bytes(MaxPath, "a path")) })
	return c
}
