package object

import (
	"errors"
	"testing"
)

func TestIdentityLinksOutsideOfEntries(t *testing.T) {
	b := appendSame(appendArray(nil, 1), "x")
	for _, k := range []Kind{KindSettings, KindSet, KindMail} {
		if err := Validate(k, b); !errors.Is(err, ErrMalformed) {
			t.Errorf("kind %d with content in a link: %v", k, err)
		}
	}
	if err := Validate(KindSettings, []byte{0x80}); !errors.Is(err, ErrMalformed) {
		t.Error("settings that are none:", err)
	}
}
