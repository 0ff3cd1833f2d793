package object

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
