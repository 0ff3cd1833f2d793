package object

import (
	"cmp"
	"fmt"
	"slices"
)

// Xattr is one extended attribute.
type Xattr struct{ Name, Value string }

// EncodeXattrs returns the canonical bytes of a set of attributes, sorted by
// name; no bytes for none.
func EncodeXattrs(list []Xattr) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	list = slices.Clone(list)
	slices.SortFunc(list, compareXattr)
	b := appendArray(nil, len(list))
	for i, x := range list {
		if x.Name == "" || i > 0 && list[i-1].Name == x.Name {
			return nil, fmt.Errorf("encode attributes: %w: name %q", ErrName, x.Name)
		}
		b = appendBytes(appendBytes(appendArray(b, 2), x.Name), x.Value)
	}
	if len(b) > MaxXattrs {
		return nil, fmt.Errorf("encode attributes: %w: %d bytes, above %d", ErrLimit, len(b), MaxXattrs)
	}
	return b, nil
}

func compareXattr(a, b Xattr) int { return cmp.Compare(a.Name, b.Name) }

// DecodeXattrs reads what EncodeXattrs wrote; the error wraps ErrMalformed or
// ErrLimit.
func DecodeXattrs(b []byte) ([]Xattr, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) > MaxXattrs {
		return nil, fmt.Errorf("read attributes: %w: %d bytes, above %d", ErrLimit, len(b), MaxXattrs)
	}
	d := &decoder{b: b}
	out := sortedOf(d, MaxXattrs, "attributes", func() Xattr {
		d.fixed(2, "an attribute")
		x := Xattr{string(d.bytes(MaxXattrs, "a name")), string(d.bytes(MaxXattrs, "a value"))}
		if x.Name == "" {
			d.fail("an attribute without a name")
		}
		return x
	}, compareXattr)
	if len(out) == 0 {
		d.fail("no attributes")
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	return out, nil
}
