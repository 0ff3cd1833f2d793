package merge

import (
	"context"
	"fmt"

	"github.com/bsvsync/bsv/object"
)

// Bases returns the maximal snapshots that both sets have seen, sorted by id;
// a set has seen itself.
func Bases(ctx context.Context, g object.Getter, a, b []object.ID) ([]object.ID, error) {
	y := newHistory(ctx, g, nil)
	seen, err := y.ancestors(a)
	if err != nil {
		return nil, fmt.Errorf("bases: %w", err)
	}
	out, _, err := y.bases(seen, b)
	if err != nil {
		return nil, fmt.Errorf("bases: %w", err)
	}
	return out, nil
}

// IsAncestor reports whether b has seen a. A snapshot has seen itself.
func IsAncestor(ctx context.Context, g object.Getter, a, b object.ID) (bool, error) {
	found := false
	err := newHistory(ctx, g, nil).walk([]object.ID{b}, func(id object.ID) bool {
		found = found || id == a
		return !found // nothing below matters any more
	})
	if err != nil {
		return false, fmt.Errorf("ancestors: %w", err)
	}
	return found, nil
}
