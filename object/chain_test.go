package object

import (
	"testing"

	"github.com/bsvsync/bsv/keyring"
)

func TestChainsThatBreak(t *testing.T) {
	var secret keyring.Secret
	h := secret.Header()
	a, b, evil := keyring.NewDevice(h), keyring.NewDevice(h), keyring.NewDevice(h)
	first := Admit(h.Tag, 0, DeviceID(a.ID()), a.Recipient(), secret.Admission())
	second := Admit(h.Tag, 0, DeviceID(b.ID()), b.Recipient(), a.Signing)
	forged := Admit(h.Tag, 0, DeviceID(evil.ID()), evil.Recipient(), evil.Signing)
	if _, err := DecodeChain(EncodeChain([]Admission{first, second}), h.Tag, h.Admission); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][]Admission{"empty": {}, "without its beginning": {second}, "forged": {first, forged}, "self-made": {forged}, "backwards": {second, first}} {
		if _, err := DecodeChain(EncodeChain(c), h.Tag, h.Admission); err == nil {
			t.Errorf("a chain that is %s is accepted", name)
		}
	}
	m := Members([]Admission{forged, second, first}, h.Tag, 0, h.Admission)
	if len(m) != 2 || m[DeviceID(evil.ID())] != nil {
		t.Errorf("%d members", len(m))
	}
}
