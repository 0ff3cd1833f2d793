package merge

import (
	"bytes"

	"github.com/bsvsync/bsv/object"
)

// beats reports whether a wins the name against b: larger time, then larger
// content digest. No device, no order of arrival.
func (t *three) beats(a, b object.Entry) bool {
	if a.MTime != b.MTime {
		return a.MTime > b.MTime
	}
	x, y := a.Digest(t.Hash), b.Digest(t.Hash)
	return bytes.Compare(x[:], y[:]) > 0
}

// mergeMode takes each bit from the side that changed it.
func mergeMode(b, o, t uint16) uint16 { return b ^ ((b ^ o) | (b ^ t)) }

// mergeTime takes the side that changed the time, the later when both did.
func mergeTime(b, o, t *object.Entry) int64 {
	if b != nil && b.MTime == o.MTime {
		return t.MTime
	}
	if b != nil && b.MTime == t.MTime {
		return o.MTime
	}
	return max(o.MTime, t.MTime)
}
