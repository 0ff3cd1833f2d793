package worktree

// identityBits lend whoever runs a file, or makes one in a directory, its owner or
// group: setuid and setgid. Owners are not kept, so on another device they would
// lend somebody else's: the account's that runs bsv, which may be root.
const identityBits = 0o6000

// mode is what a file or directory gets where a tree says want and the disk has, or
// had, have. In a mapped directory the identity bits are this device's own; the next
// scan takes those that are not there from the tree. A person who has something
// restored elsewhere gets it as it was.
func (a *applier) mode(want, have uint16) uint16 {
	if a.o.Fresh || a.o.Mapping.Unmarked {
		return want
	}
	return want&^identityBits | have&identityBits
}
