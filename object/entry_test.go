package object

import (
	"errors"
	"testing"
)

func TestEntriesThatNoTreeHolds(t *testing.T) {
	base := Entry{Name: "a", Kind: File, Content: Content{Kind: KindChunk, ID: ID{1}}, Size: 200}
	for name, change := range map[string]func(*Entry){
		"a chunk above any chunker's": func(e *Entry) { e.Size = MaxObject + 1 },
		"attributes that are none":    func(e *Entry) { e.Xattrs.Inline = "\xff" },
		"an owner in no known form":   func(e *Entry) { e.Owner = "root" },
	} {
		e := base
		change(&e)
		if err := e.Check(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := decodeNode(treeShape, encodeNode(0, []item{treeShape.leaf(item{entry: e})})); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s decodes: %v", name, err)
		}
	}
}
