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
	slices.SortFunc(list, func(a, b Xattr) int { return cmp.Compare(a.Name, b.Name) })
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

// DecodeXattrs reads what EncodeXattrs wrote.
func DecodeXattrs(b []byte) ([]Xattr, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d := &decoder{b: b}
	var out []Xattr
	n := d.array(MaxXattrs, "attributes")
	if n == 0 {
		d.fail("no attributes")
	}
	for range n {
		d.fixed(2, "an attribute")
		x := Xattr{string(d.bytes(MaxXattrs, "a name")), string(d.bytes(MaxXattrs, "a value"))}
		if d.err == nil && (x.Name == "" || len(out) > 0 && out[len(out)-1].Name >= x.Name) {
			d.fail("attributes out of order")
		}
		if d.err != nil {
			break
		}
		out = append(out, x)
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	return out, nil
}
