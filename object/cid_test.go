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
