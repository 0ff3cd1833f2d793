package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// Many workers that fail alike are one message.
func TestExplainSaysItOnce(t *testing.T) {
	var all, many error
	for i := range 30 {
		all = errors.Join(all, fmt.Errorf("read node: %w", object.ErrMissing))
		many = errors.Join(many, fmt.Errorf("file %d", i))
	}
	for _, c := range []struct {
		err  error
		kind Kind
		want string
	}{
		{fmt.Errorf("scan /docs: %w", all), Damage, "scan /docs: read node: object missing"},
		{many, Failed, "file 0; file 1; file 2; and 27 more"},
		{errors.Join(errors.New("a"), errors.New("b")), Failed, "a; b"},
		{errors.New("one"), Failed, "one"},
	} {
		if e := Explain(c.err); e.Msg != c.want || e.Kind != c.kind || !errors.Is(e, c.err) {
			t.Errorf("got %q (%s), want %q (%s)", e.Msg, e.Kind, c.want, c.kind)
		}
	}
}

// Each kind has an exit code and a status of its own in the table.
func TestEveryKindHasACode(t *testing.T) {
	codes := map[int]Kind{}
	for kind, b := range boundary {
		if other, taken := codes[b.Exit]; taken || b.Exit == 0 || b.HTTP < 200 {
			t.Errorf("%s: exit code %d, also of %s", kind, b.Exit, other)
		}
		codes[b.Exit] = kind
		if kind.Exit() != b.Exit || kind.HTTP() != b.HTTP {
			t.Errorf("%s: %d, %d", kind, kind.Exit(), kind.HTTP())
		}
	}
	for _, code := range []int{1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 70, 130} {
		if _, ok := codes[code]; !ok {
			t.Errorf("no kind has exit code %d", code)
		}
	}
}
