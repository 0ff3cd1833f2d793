package object

import (
	"bytes"
	"fmt"
)

// Seen is the newest record of a device that another one knows.
type Seen struct {
	Device      DeviceID
	Incarnation uint64
	Seq         uint64
}

// Statement is what a record says to members.
type Statement struct {
	Time         int64 // nanoseconds since 1970
	Head         ID    // KindSnapshot; zero before the first
	Seen         []Seen
	Settings     ID // KindSettings; zero when there are none
	Session      uint64
	Acknowledged [][32]byte // condemned sets, sorted
	Capabilities uint64
	Addresses    []string // multiaddrs; at most MaxAddresses
}

func (s Statement) encode() []byte {
	b := appendArray(nil, 8)
	b = appendInt(b, s.Time)
	b = appendMaybeLink(b, KindSnapshot, s.Head)
	b = appendArray(b, len(s.Seen))
	for _, v := range s.Seen {
		b = appendUint(appendUint(appendBytes(appendArray(b, 3), v.Device[:]), v.Incarnation), v.Seq)
	}
	b = appendMaybeLink(b, KindSettings, s.Settings)
	b = appendUint(b, s.Session)
	b = appendArray(b, len(s.Acknowledged))
	for _, k := range s.Acknowledged {
		b = appendBytes(b, k[:])
	}
	b = appendUint(b, s.Capabilities)
	b = appendArray(b, len(s.Addresses))
	for _, a := range s.Addresses {
		b = appendText(b, a)
	}
	return b
}

func compareSeen(a, b Seen) int { return bytes.Compare(a.Device[:], b.Device[:]) }

func decodeStatement(b []byte) (Statement, error) {
	d := &decoder{b: b}
	var s Statement
	d.fixed(8, "a statement")
	s.Time = d.int()
	s.Head = d.maybeLink()
	s.Seen = sortedOf(d, MaxDevices, "devices seen", func() Seen {
		d.fixed(3, "a device seen")
		return Seen{d.device(), d.uint("an incarnation"), d.uint("a sequence number")}
	}, compareSeen)
	s.Settings = d.maybeLink()
	s.Session = d.uint("a session")
	s.Acknowledged = d.digests(MaxDevices, "condemned sets")
	s.Capabilities = d.uint("capabilities")
	s.Addresses = listOf(d, MaxAddresses, "addresses", func() string { return d.text(MaxAddress, "an address") })
	if err := d.end(); err != nil {
		return Statement{}, fmt.Errorf("read statement: %w", err)
	}
	return s, nil
}
