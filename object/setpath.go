package object

import (
	"context"
	"fmt"
)

// SetPath puts an entry at a clean virtual path below root, or removes what
// is there (e nil), and returns the new root. Directories on the way are made
// with mode 0755 and time 0, so that the same edit gives the same tree on
// every device; a file on the way is replaced by a directory. The entry takes
// the path's last name. "/" is the root: e must then be a directory, whose
// tree becomes the root.
func SetPath(ctx context.Context, h *Hasher, g Getter, sink Sink, root ID, path string, e *Entry) (ID, error) {
	parts := Components(path)
	if len(parts) == 0 {
		if e == nil {
			id, _, err := putEmpty(ctx, sink)
			return id, err
		}
		if e.Kind != Dir {
			return ID{}, fmt.Errorf("set /: %w: not a directory", ErrName)
		}
		return e.Tree, nil
	}
	if len(path) > MaxPath || len(parts) > MaxDepth {
		return ID{}, fmt.Errorf("set path: %w: %d components, %d bytes", ErrLimit, len(parts), len(path))
	}
	id, _, err := setPath(ctx, h, g, sink, root, parts, e)
	if err != nil {
		return ID{}, fmt.Errorf("set %s: %w", path, err)
	}
	return id, nil
}

func setPath(ctx context.Context, h *Hasher, g Getter, sink Sink, root ID, parts []string, e *Entry) (ID, Summary, error) {
	name := parts[0]
	if len(parts) == 1 {
		if e == nil {
			return EditTree(ctx, h, g, sink, root, []Edit{{name, nil}})
		}
		n := *e
		n.Name = name
		return EditTree(ctx, h, g, sink, root, []Edit{{name, &n}})
	}
	old, ok, err := Lookup(ctx, g, root, name)
	if err != nil {
		return ID{}, Summary{}, err
	}
	if !ok || old.Kind != Dir {
		if e == nil {
			return EditTree(ctx, h, g, sink, root, nil)
		}
		old = Entry{Name: name, Kind: Dir, Mode: 0o755}
	}
	sub, sum, err := setPath(ctx, h, g, sink, old.Tree, parts[1:], e)
	if err != nil {
		return ID{}, Summary{}, err
	}
	old.Tree, old.Size = sub, sum.Bytes
	return EditTree(ctx, h, g, sink, root, []Edit{{name, &old}})
}
