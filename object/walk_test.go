package object

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestWalkStopsAtTheLimits(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	for name, c := range map[string]struct {
		name string
		n    int
	}{"components": {"a", MaxDepth + 1}, "bytes": {strings.Repeat("a", 255), 129}} {
		st := NewOverlay(nil, h)
		e := fileEntry(c.name, "x")
		for range c.n - 1 {
			id, sum, err := BuildTree(ctx, h, st, seq([]Entry{e}))
			if err != nil {
				t.Fatal(err)
			}
			e = Entry{Name: c.name, Kind: Dir, Tree: id, Size: sum.Bytes}
		}
		id, _, err := BuildTree(ctx, h, st, seq([]Entry{e}))
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for p, err := range Walk(ctx, st, id) {
			if last = err; err == nil {
				if _, err := CleanPath(p.Path); err != nil {
					t.Errorf("%s: the walk yields a path beyond the limits", name)
				}
			}
		}
		if !errors.Is(last, ErrLimit) {
			t.Errorf("%s: walk ends with %v", name, last)
		}
		last = nil
		for _, err := range Diff(ctx, st, ID{}, id) {
			last = err
		}
		if !errors.Is(last, ErrLimit) {
			t.Errorf("%s: diff ends with %v", name, last)
		}
	}
}
