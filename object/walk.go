package object

import (
	"context"
	"fmt"
	"iter"
)

// PathEntry is an entry with its virtual path.
type PathEntry struct {
	Path  string
	Entry Entry
}

// Walk enumerates all entries below root, parents before children, in name
// order. A zero root is an empty directory. A path beyond MaxPath or MaxDepth
// ends it with an error wrapping ErrLimit.
func Walk(ctx context.Context, g Getter, root ID) iter.Seq2[PathEntry, error] {
	return func(yield func(PathEntry, error) bool) { walk(ctx, g, root, "/", 0, yield) }
}

func walk(ctx context.Context, g Getter, root ID, dir string, depth int, yield func(PathEntry, error) bool) bool {
	for e, err := range Entries(ctx, g, root, "") {
		if err != nil {
			yield(PathEntry{}, err)
			return false
		}
		path, err := below(dir, depth, e.Name)
		if err != nil {
			yield(PathEntry{}, fmt.Errorf("walk: %w", err))
			return false
		}
		if !yield(PathEntry{path, e}, nil) {
			return false
		}
		if e.Kind == Dir && !walk(ctx, g, e.Tree, path, depth+1, yield) {
			return false
		}
	}
	return true
}
