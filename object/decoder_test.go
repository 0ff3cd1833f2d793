package object

import (
	"errors"
	"testing"
)

func TestTextIsUTF8(t *testing.T) {
	if _, err := decodeStatement(Statement{Addresses: []string{"\xff"}}.encode()); !errors.Is(err, ErrMalformed) {
		t.Error("an address that is no UTF-8 is accepted", err)
	}
}

func TestLimitsAreTyped(t *testing.T) {
	if _, err := decodeNode(treeShape, make([]byte, MaxNode+1)); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if _, err := decodeNode(treeShape, appendArray(appendUint(appendArray(nil, 2), 0), MaxItems+1)); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}
