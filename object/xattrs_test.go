package object

import (
	"errors"
	"strings"
	"testing"
)

func TestXattrsLimit(t *testing.T) {
	b := appendArray(nil, 2)
	for _, n := range []string{"user.a", "user.b"} {
		b = appendBytes(appendBytes(appendArray(b, 2), n), strings.Repeat("x", MaxXattrs-100))
	}
	if _, err := DecodeXattrs(b); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}
