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
	left := newAncestry(y, a...)
	if err := left.against(b...); err != nil {
		return nil, fmt.Errorf("bases: %w", err)
	}
	return y.maximal(left.common())
}

// IsAncestor reports whether b has seen a. A snapshot has seen itself.
func IsAncestor(ctx context.Context, g object.Getter, a, b object.ID) (bool, error) {
	seen, err := Seen(ctx, Env{Get: g}, []object.ID{b}, []object.ID{a})
	if err != nil {
		return false, err
	}
	return seen[0], nil
}
