package object

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestCIDHasOneForm(t *testing.T) {
	id := ID{1, 2}
	s := id.CID(KindTree)
	if back, chunk, err := ParseCID(s); err != nil || back != id || chunk {
		t.Fatal(err)
	}
	for _, bad := range []string{strings.ToUpper(s), "/ipfs/" + s, s + "a", s[1:]} {
		if _, _, err := ParseCID(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestALinkToNothingIsNoNull(t *testing.T) {
	b := Statement{Time: 5}.encode()
	at := bytes.IndexByte(b, cborNull)
	bad := append(append(bytes.Clone(b[:at]), appendLink(nil, KindSnapshot, ID{})...), b[at+1:]...)
	if _, err := decodeStatement(bad); !errors.Is(err, ErrMalformed) {
		t.Errorf("a link to the zero id is accepted: %v", err)
	}
}

func TestPrefixes(t *testing.T) {
	id := testHasher().Sum(KindSnapshot, nil)
	if !strings.HasPrefix(id.Full(), id.Short()) || len(id.Short()) != 10 || len(id.Full()) != 52 {
		t.Error(id.Short(), id.Full())
	}
	other := testHasher().Sum(KindSnapshot, []byte("other"))
	cid := id.CID(KindSnapshot)
	for _, s := range []string{id.Short(), id.Full(), cid, id.CID(KindChunk), id.Full()[:4], cid[:len(cid)-1], cid[:17]} {
		if p, err := ParsePrefix(s); err != nil || !p.Of(id) || p.Of(other) || p.Whole() != (len(s) == 52 || len(s) == len(cid)) {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	if !BeginsAll(cid[:12]) || BeginsAll(cid[:13]) || BeginsAll("") || !strings.HasPrefix(other.CID(KindSnapshot), cid[:12]) {
		t.Error(cid[:13])
	}
	if p, err := ParsePrefix(cid[:12]); err != nil || p.Of(id) {
		t.Error("what every id begins with is taken for one of them")
	}
	for _, s := range []string{"", "abc", "ABCD", "abc1", strings.Repeat("a", 53), "ab/c", cid[:20] + "1", cid[:len(cid)-1] + "7", cid + "a"} {
		if _, err := ParsePrefix(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestDeviceIDHasOneForm(t *testing.T) {
	d := DeviceID{1, 2, 3}
	if back, err := ParseDeviceID(d.String()); err != nil || back != d || !strings.HasPrefix(d.String(), "12D3KooW") {
		t.Fatal(d, err)
	}
	for _, s := range []string{"", "12D3KooW", d.String() + "1", "1" + d.String(), "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", strings.Repeat("1", 1<<16)} {
		if _, err := ParseDeviceID(s); err == nil {
			t.Errorf("%.60q is accepted", s)
		}
	}
}
