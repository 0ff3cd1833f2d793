package keyring

import (
	"errors"
	"testing"
)

func TestEpochs(t *testing.T) {
	a, b := testSecret().Keys(), testRingKeys()
	if _, err := a.Epoch(5); err == nil {
		t.Error("a key of an epoch that is not there")
	}
	for _, pair := range [][2]*Keys{{a, b}, {b, a}, {b, b}} {
		u, err := pair[0].Union(pair[1])
		if err != nil || len(u.Epochs) != 2 || u.Epochs[5] != b.Epochs[5] || u.Epochs[0] != a.Epochs[0] || u.Current != min(pair[0].Current, pair[1].Current) {
			t.Fatal(u, err)
		}
	}
	if len(a.Epochs) != 1 {
		t.Error("Union changes its operand")
	}
	if _, err := a.Union(Secret{1}.Keys()); err == nil {
		t.Error("keys of two vaults are united")
	}
	c := testRingKeys()
	c.Epochs[5] = Epoch{Data: [32]byte{1}}
	if _, err := b.Union(c); !errors.Is(err, ErrEpochs) {
		t.Error("two keys of one epoch are united:", err)
	}
	if one, two := NewSecret(), NewSecret(); one == two {
		t.Error("random secrets are equal")
	}
}
