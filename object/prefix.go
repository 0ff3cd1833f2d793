package object

import (
	"fmt"
	"strings"
)

// MinPrefix is how many characters of an id are given at least.
const MinPrefix = 4

// Prefix is the beginning of an id.
type Prefix struct {
	digest string // of the form for people, or
	cid    string // of a snapshot's CID
}

// snapshotCID is what the CID of every snapshot begins with.
var snapshotCID = (ID{}).cidText()[:12]

// ParsePrefix reads a prefix (at least MinPrefix characters) of the form for
// people or of a snapshot's CID, or a whole CID of any kind. What every CID
// begins with is the beginning of the form for people.
func ParsePrefix(s string) (Prefix, error) {
	if id, _, err := ParseCID(s); err == nil {
		return Prefix{digest: id.Full()}, nil
	}
	most, cid := len((ID{}).Full()), false
	if len(s) > len(snapshotCID) && strings.HasPrefix(s, snapshotCID) {
		most, cid = len((ID{}).cidText())-1, true // a whole one that does not parse is none
	}
	if len(s) < MinPrefix || len(s) > most {
		return Prefix{}, fmt.Errorf("%q is no id: give %d to %d characters of it", s, MinPrefix, most)
	}
	if !AnyIDText(s) {
		return Prefix{}, fmt.Errorf("%q is no id: it has letters a–z and digits 2–7", s)
	}
	if cid {
		return Prefix{cid: s}, nil
	}
	return Prefix{digest: s}, nil
}

// AnyIDText reports whether a text has the characters of an id alone.
func AnyIDText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz234567", r) })
}

// BeginsAll reports whether a text is no more than what the CID of every
// snapshot begins with.
func BeginsAll(s string) bool { return s != "" && strings.HasPrefix(snapshotCID, s) }

// Of reports whether p is the beginning of a snapshot's id.
func (p Prefix) Of(id ID) bool {
	if p.cid != "" {
		return strings.HasPrefix(id.cidText(), p.cid)
	}
	return strings.HasPrefix(id.Full(), p.digest)
}

// Whole reports whether p is a whole id.
func (p Prefix) Whole() bool { return len(p.digest) == len((ID{}).Full()) }

// cidText is the CID of the snapshot that has the id.
func (id ID) cidText() string {
	return "b" + lower32.EncodeToString(append([]byte(cidPrefixCBOR), id[:]...))
}
