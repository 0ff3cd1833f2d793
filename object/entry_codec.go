package object

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

// encodeEntry is appendEntry into bytes that need not grow, but for an entry
// with both its links.
func encodeEntry(e Entry) []byte {
	return appendEntry(make([]byte, 0, 96+len(e.Name)+len(e.Content.Inline)+len(e.Target)+len(e.Xattrs.Inline)+len(e.Owner)), e)
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
	e.Size = d.uint("a size")
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
