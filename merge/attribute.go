package merge

import (
	"bytes"
	"errors"

	"github.com/bsvsync/bsv/object"
)

// extra merges extended attributes and owner; b is nil without a base.
func (w *work) extra(b, o, t *object.Entry) (object.Content, string, error) {
	var base object.Content
	var baseOwner string
	if b != nil {
		base, baseOwner = b.Xattrs, b.Owner
	}
	x, err := w.attributes(base, o.Xattrs, t.Xattrs)
	if err != nil {
		return object.Content{}, "", err
	}
	owner, _ := mergeValue(baseOwner, b != nil, o.Owner, true, t.Owner, true)
	return x, owner, nil
}

// attributes merges two sets of extended attributes key by key. Sets that
// nothing can read, or that together are larger than an entry may have, are
// one value each: a member's mistake must not stop everybody's merges. A set
// that is linked and not here is an error: metadata are never guessed.
func (w *work) attributes(b, o, t object.Content) (object.Content, error) {
	switch {
	case o == t, b == t:
		return o, nil
	case b == o:
		return t, nil
	}
	whole := o
	if lessContent(o, t) {
		whole = t
	}
	var sets [3]map[string]string
	for i, c := range [3]object.Content{b, o, t} {
		raw := []byte(c.Inline)
		if c.Kind == object.KindChunk {
			var err error
			if raw, err = w.over.Get(w.ctx, c.ID); err != nil {
				return object.Content{}, err
			}
		}
		list, err := object.DecodeXattrs(raw)
		if err != nil {
			return whole, nil
		}
		sets[i] = map[string]string{}
		for _, x := range list {
			sets[i][x.Name] = x.Value
		}
	}
	names := map[string]bool{}
	for _, s := range sets {
		for n := range s {
			names[n] = true
		}
	}
	var list []object.Xattr
	for n := range names { // EncodeXattrs sorts
		bv, bok := sets[0][n]
		ov, ook := sets[1][n]
		tv, tok := sets[2][n]
		if v, ok := mergeValue(bv, bok, ov, ook, tv, tok); ok {
			list = append(list, object.Xattr{Name: n, Value: v})
		}
	}
	raw, err := object.EncodeXattrs(list)
	switch {
	case errors.Is(err, object.ErrLimit):
		return whole, nil
	case err != nil:
		return object.Content{}, err
	case len(raw) <= object.XattrsInline:
		return object.Content{Inline: string(raw)}, nil
	}
	id, err := w.over.Put(w.ctx, object.KindChunk, raw)
	return object.Content{Kind: object.KindChunk, ID: id}, err
}

// mergeValue takes the side that changed a value; of two changes a value over
// none, and the larger bytes.
func mergeValue(b string, bok bool, o string, ook bool, t string, tok bool) (string, bool) {
	switch {
	case ook == tok && o == t, bok == tok && b == t:
		return o, ook
	case bok == ook && b == o:
		return t, tok
	case ook && tok:
		return max(o, t), true
	case ook:
		return o, true
	}
	return t, tok
}

func lessContent(a, b object.Content) bool {
	if a.Inline != b.Inline {
		return a.Inline < b.Inline
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}
