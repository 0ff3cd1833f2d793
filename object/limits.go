package object

// Limits of format 1. Beyond them every decoder and builder answers with an
// error that wraps ErrLimit (names and paths: ErrName) before it allocates.
const (
	// MaxName is the longest name in bytes: what file systems hold.
	MaxName = 255
	// MaxPath is the longest virtual path in bytes, and MaxDepth its most
	// components: recursion ends before the stack does.
	MaxPath  = 32 << 10
	MaxDepth = 1024
	// MaxBytes bounds the bytes of a directory and all below it, so that no
	// merge of MaxParents heads can take a sum beyond 64 bits. MaxEntries
	// bounds the paths that one snapshot adds: a few objects that name each
	// other often enough would take for ever to walk.
	MaxBytes   = 1 << 50
	MaxEntries = 1 << 28
	// MaxItems and MaxNode bound a node of a tree or list, so that one edit
	// rewrites little and one read decodes little.
	MaxItems = 1024
	MaxNode  = 256 << 10
	// MaxObject is what any chunker may ever cut, and what a reader reserves at
	// most.
	MaxObject = 8 << 20
	// MaxParents bounds the heads that one snapshot merges, and MaxDevices
	// the devices of a vault.
	MaxParents = 4096
	MaxDevices = 4096
	// MaxRecord bounds a record; it travels whole in one message.
	MaxRecord = 256 << 10
	// MaxMessage bounds a snapshot's message.
	MaxMessage = 64 << 10
	// MaxXattrs bounds the extended attributes of one entry; XattrsInline is
	// how much of them stays inside it.
	MaxXattrs    = 64 << 10
	XattrsInline = 256
	// MaxTag bounds a tag's name.
	MaxTag = 255
	// MaxOwner bounds the owner field ("uid:gid:user:group").
	MaxOwner = 600
	// maxChain bounds the admissions between a device and the admission key.
	maxChain = 64
	// maxStatement bounds one statement of membership in settings: a
	// generation of MaxDevices members.
	maxStatement = 512 << 10
	// maxSettings bounds the registers of one vault, maxRegister the name of
	// one ("role/" or "tag/" and what it names), maxValue its value.
	maxSettings = 1 << 16
	maxRegister = MaxTag + 32
	maxValue    = 4096
	// MaxAddresses bounds the addresses that a record announces, MaxAddress
	// the bytes of one.
	MaxAddresses = 64
	MaxAddress   = 512
	// MaxConflicts bounds the conflict records of one snapshot, MaxSides and
	// MaxCopies those of one record.
	MaxConflicts = 1 << 16
	// maxConflictBytes is what FitConflicts leaves them of MaxObject: parents
	// and message take at most 256 KiB of it.
	maxConflictBytes = MaxObject - 512<<10
	MaxSides         = MaxParents
	MaxCopies        = MaxParents
	// maxLevel bounds the height of a tree or list: 16^12 entries.
	maxLevel = 32
)
