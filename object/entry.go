package object

import (
	"fmt"
	"strconv"
	"strings"
)

// EntryKind is what a name in a directory stands for.
type EntryKind uint8

// The kinds of entries.
const (
	File    EntryKind = 1
	Dir     EntryKind = 2
	Symlink EntryKind = 3
)

// InlineMax is the largest content, in bytes, that lives inside its entry.
// Content of at most InlineMax bytes is always inline and never a chunk.
const InlineMax = 128

// Content says where the bytes of a file are: inline (Kind 0), in one chunk
// (KindChunk), or in a list (KindList). Equal bytes have equal Content.
type Content struct {
	Kind   Kind
	ID     ID     // zero when inline
	Inline string // the bytes when inline; at most InlineMax
}

// Digest is the content id: the keyed digest of the bytes when inline, the
// id of the chunk or list otherwise. Compare digests, never encodings.
func (c Content) Digest(h *Hasher) ID {
	if c.Kind == 0 {
		return h.Sum(KindChunk, []byte(c.Inline))
	}
	return c.ID
}

// Entry is one name of a directory. It is a comparable value: two entries are
// the same exactly when a == b.
type Entry struct {
	Name    string // raw bytes, 1–255, no '/' or NUL
	Kind    EntryKind
	Content Content // File only
	Tree    ID      // Dir only: the directory's root node; never zero
	Target  string  // Symlink only: raw bytes
	Size    uint64  // File: bytes. Dir: bytes of all files below. Symlink: 0
	Mode    uint16  // permission bits 0–07777 (setuid, setgid, sticky included)
	MTime   int64   // nanoseconds since 1970, UTC
	Xattrs  Content // canonical xattr map of user.* (EncodeXattrs); the zero Content means none
	Owner   string  // canonical owner ("uid:gid:user:group"), empty unless asked for
}

// SameContent reports whether two entries hold the same: bytes of a file,
// directory tree, or target. Name, mode and times do not matter.
func (e Entry) SameContent(o Entry) bool {
	return e.Kind == o.Kind && e.Content == o.Content && e.Tree == o.Tree && e.Target == o.Target
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
	switch x := e.Xattrs; x.Kind {
	case 0:
		if _, err := DecodeXattrs([]byte(x.Inline)); err != nil || len(x.Inline) > XattrsInline || !x.ID.IsZero() {
			return bad("extended attributes in no known form")
		}
	case KindChunk:
		if x.Inline != "" || x.ID.IsZero() {
			return bad("extended attributes in no known form")
		}
	default:
		return bad("extended attributes in no known form")
	}
	if e.Owner != "" && !isOwner(e.Owner) {
		return bad("an owner in no known form")
	}
	return nil
}

// isOwner reports whether s is "uid:gid:user:group": two numbers of 32 bits in
// their shortest form and two names, which may be empty.
func isOwner(s string) bool {
	part := strings.Split(s, ":")
	if len(s) > MaxOwner || len(part) != 4 || strings.ContainsAny(s, "\x00\n") {
		return false
	}
	for _, id := range part[:2] {
		if n, err := strconv.ParseUint(id, 10, 32); err != nil || strconv.FormatUint(n, 10) != id {
			return false
		}
	}
	return true
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
			if e.Content.Kind == KindChunk && e.Size > MaxObject {
				return malformed("a chunk of %d bytes", e.Size)
			}
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
