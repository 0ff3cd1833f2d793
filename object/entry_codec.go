package object

import "fmt"

// Equal content of two entries means equal bytes, whatever the metadata.
func (e Entry) sameKind(o Entry) bool { return e.Kind == o.Kind }

// SameContent reports whether two entries hold the same: bytes of a file,
// directory tree, or target. Name, mode and times do not matter.
func (e Entry) SameContent(o Entry) bool {
	return e.sameKind(o) && e.Content == o.Content && e.Tree == o.Tree && e.Target == o.Target
}

// Digest is the entry's content id: the keyed digest of the file's content,
// the tree, or the target.
func (e Entry) Digest(h *Hasher) ID {
	switch e.Kind {
	case Dir:
		return e.Tree
	case Symlink:
		return h.Sum(KindChunk, []byte(e.Target))
	default:
		return e.Content.Digest(h)
	}
}

// Check reports whether a tree may hold the entry.
func (e Entry) Check() error {
	if err := CheckName(e.Name); err != nil {
		return err
	}
	bad := func(what string) error { return fmt.Errorf("entry %q: %w: %s", e.Name, ErrMalformed, what) }
	if e.Mode > 0o7777 {
		return bad("mode beyond 07777")
	}
	if err := e.checkContent(); err != nil {
		return fmt.Errorf("entry %q: %w", e.Name, err)
	}
	switch {
	case e.Xattrs.Kind == KindChunk && e.Xattrs.Inline != "", e.Xattrs.Kind == 0 && !e.Xattrs.ID.IsZero(),
		e.Xattrs.Kind != 0 && e.Xattrs.Kind != KindChunk, len(e.Xattrs.Inline) > XattrsInline:
		return bad("extended attributes in no known form")
	case len(e.Owner) > MaxOwner:
		return bad("owner too long")
	}
	return nil
}

func (e Entry) checkContent() error {
	switch e.Kind {
	case File:
		if e.Target != "" || !e.Tree.IsZero() {
			return malformed("a file has content only")
		}
		switch e.Content.Kind {
		case 0:
			if len(e.Content.Inline) > InlineMax || uint64(len(e.Content.Inline)) != e.Size || !e.Content.ID.IsZero() {
				return malformed("inline content of wrong size")
			}
		case KindChunk, KindList:
			if e.Content.Inline != "" || e.Size <= InlineMax || e.Content.ID.IsZero() {
				return malformed("content that belongs inside its entry")
			}
		default:
			return malformed("content of unknown kind %d", e.Content.Kind)
		}
	case Dir:
		if e.Target != "" || e.Content != (Content{}) || e.Tree.IsZero() {
			return malformed("a directory has a tree only")
		}
	case Symlink:
		if e.Content != (Content{}) || !e.Tree.IsZero() || e.Size != 0 || e.Mode != 0 || e.Target == "" || len(e.Target) > MaxPath {
			return malformed("a symlink has a target only")
		}
	default:
		return malformed("unknown kind %d", e.Kind)
	}
	return nil
}

// appendEntry writes [name, kind, content | tree | target, size, mode, mtime,
// xattrs | null, owner | null]; see docs/format.md.
func appendEntry(b []byte, e Entry) []byte {
	b = appendArray(b, 8)
	b = appendBytes(b, e.Name)
	b = appendUint(b, uint64(e.Kind))
	switch e.Kind {
	case File:
		if e.Content.Kind == 0 {
			b = appendSame(b, e.Content.Inline)
		} else {
			b = appendLink(b, e.Content.Kind, e.Content.ID)
		}
	case Dir:
		b = appendLink(b, KindTree, e.Tree)
	case Symlink:
		b = appendBytes(b, e.Target)
	}
	b = appendUint(b, e.Size)
	b = appendUint(b, uint64(e.Mode))
	b = appendInt(b, e.MTime)
	switch {
	case e.Xattrs.Kind == KindChunk:
		b = appendLink(b, KindChunk, e.Xattrs.ID)
	case e.Xattrs.Inline != "":
		b = appendBytes(b, e.Xattrs.Inline)
	default:
		b = append(b, cborNull)
	}
	if e.Owner != "" {
		return appendBytes(b, e.Owner)
	}
	return append(b, cborNull)
}

func (d *decoder) entry() Entry {
	var e Entry
	d.fixed(8, "an entry")
	e.Name = string(d.bytes(MaxName, "a name"))
	e.Kind = EntryKind(d.uintMax(uint64(Symlink), "an entry's kind"))
	switch e.Kind {
	case File:
		id, raw, same := d.anyLink()
		switch {
		case same != nil:
			e.Content.Inline = string(same)
		case raw:
			e.Content = Content{Kind: KindChunk, ID: id}
		default:
			e.Content = Content{Kind: KindList, ID: id}
		}
	case Dir:
		id, raw := d.link()
		if raw {
			d.fail("a directory's tree is no chunk")
		}
		e.Tree = id
	case Symlink:
		e.Target = string(d.bytes(MaxPath, "a target"))
	}
	e.Size = d.uint()
	e.Mode = uint16(d.uintMax(0o7777, "a mode"))
	e.MTime = d.int()
	if !d.null() {
		e.Xattrs = d.xattrs()
	}
	if !d.null() {
		e.Owner = string(d.bytes(MaxOwner, "an owner"))
		if e.Owner == "" {
			d.fail("empty owner")
		}
	}
	if d.err == nil {
		if err := e.Check(); err != nil {
			d.err = malformed("at byte %d: %v", d.off, err)
		}
	}
	return e
}

func (d *decoder) xattrs() Content {
	if d.err == nil && d.off < len(d.b) && d.b[d.off]>>5 == majorTag {
		id, raw := d.link()
		if !raw {
			d.fail("extended attributes are a chunk")
		}
		return Content{Kind: KindChunk, ID: id}
	}
	v := string(d.bytes(XattrsInline, "extended attributes"))
	if v == "" {
		d.fail("empty extended attributes")
	}
	return Content{Inline: v}
}
