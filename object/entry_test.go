package object

import (
	"errors"
	"strings"
	"testing"
)

// Every entry that breaks a rule is refused by whoever builds a tree and by
// whoever reads one.
func TestEntriesThatNoTreeHolds(t *testing.T) {
	chunk := Entry{Name: "a", Kind: File, Content: Content{Kind: KindChunk, ID: ID{1}}, Size: 200}
	dir := Entry{Name: "a", Kind: Dir, Tree: ID{1}}
	link := Entry{Name: "a", Kind: Symlink, Target: "b"}
	inline := fileEntry("a", "text")
	attrs, err := EncodeXattrs([]Xattr{{"user.a", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ok := range []Entry{chunk, dir, link, inline, fileEntry("a", ""), fileEntry("a", strings.Repeat("x", InlineMax))} {
		ok.Xattrs.Inline, ok.Owner = string(attrs), "0:4294967295:root:"
		if err := ok.Check(); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		e      Entry
		change func(*Entry)
	}{
		"linked content that belongs inside": {chunk, func(e *Entry) { e.Size = InlineMax }},
		"a list of content that is inside":   {chunk, func(e *Entry) { e.Size, e.Content.Kind = 5, KindList }},
		"inline content of another size":     {inline, func(e *Entry) { e.Size++ }},
		"inline content that is too long":    {inline, func(e *Entry) { e.Size, e.Content.Inline = InlineMax+1, strings.Repeat("x", InlineMax+1) }},
		"a chunk above any chunker's":        {chunk, func(e *Entry) { e.Size = MaxObject + 1 }},
		"content that points at nothing":     {chunk, func(e *Entry) { e.Content.ID = ID{} }},
		"attributes that are none":           {chunk, func(e *Entry) { e.Xattrs.Inline = "\xff" }},
		"attributes that should be linked":   {chunk, func(e *Entry) { e.Xattrs.Inline = string(longAttrs(t)) }},
		"attributes that point at nothing":   {chunk, func(e *Entry) { e.Xattrs.Kind = KindChunk }},
		"an owner in no known form":          {chunk, func(e *Entry) { e.Owner = "root" }},
		"an owner with a long number":        {chunk, func(e *Entry) { e.Owner = "00:0::" }},
		"an owner that is too long":          {chunk, func(e *Entry) { e.Owner = "0:0:" + strings.Repeat("a", MaxOwner) + ":" }},
		"a mode beyond the permissions":      {chunk, func(e *Entry) { e.Mode = 0o10000 }},
		"a name that is none":                {chunk, func(e *Entry) { e.Name = ".." }},
		"a name with a slash":                {chunk, func(e *Entry) { e.Name = "a/b" }},
		"a name with NUL":                    {chunk, func(e *Entry) { e.Name = "a\x00" }},
		"no name":                            {chunk, func(e *Entry) { e.Name = "" }},
		"a long name":                        {chunk, func(e *Entry) { e.Name = strings.Repeat("a", MaxName+1) }},
		"a kind that is unknown":             {link, func(e *Entry) { e.Kind = 4 }},
		"no kind":                            {link, func(e *Entry) { e.Kind = 0 }},
		"a directory without a tree":         {dir, func(e *Entry) { e.Tree = ID{} }},
		"a symlink without a target":         {link, func(e *Entry) { e.Target = "" }},
		"a symlink with a long target":       {link, func(e *Entry) { e.Target = strings.Repeat("a", MaxPath+1) }},
		"a symlink with a mode":              {link, func(e *Entry) { e.Mode = 0o777 }},
		"a symlink with a size":              {link, func(e *Entry) { e.Size = 1 }},
	} {
		e := c.e
		c.change(&e)
		if err := e.Check(); err == nil {
			t.Errorf("%s: built", name)
		}
		if _, err := decodeNode(treeShape, encodeNode(0, []item{treeShape.leaf(item{entry: e})})); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: read: %v", name, err)
		}
	}
	// What has no bytes at all is refused by the builder.
	for name, change := range map[string]func(*Entry){
		"a file with a tree":     func(e *Entry) { e.Tree = ID{1} },
		"a file with a target":   func(e *Entry) { e.Target = "x" },
		"content of two kinds":   func(e *Entry) { e.Content.Inline = "x" },
		"content of a tree":      func(e *Entry) { e.Content.Kind = KindTree },
		"attributes of a list":   func(e *Entry) { e.Xattrs = Content{Kind: KindList, ID: ID{1}} },
		"attributes of two ways": func(e *Entry) { e.Xattrs = Content{Kind: KindChunk, ID: ID{1}, Inline: "x"} },
	} {
		e := chunk
		change(&e)
		if err := e.Check(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func longAttrs(t *testing.T) []byte {
	b, err := EncodeXattrs([]Xattr{{"user.a", strings.Repeat("x", XattrsInline)}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The content id is the keyed digest of the bytes, wherever they are.
func TestDigests(t *testing.T) {
	h := testHasher()
	a, b := fileEntry("a", "same"), fileEntry("b", "same")
	b.Mode, b.MTime = 0o600, 9
	if a.Digest(h) != b.Digest(h) || a.Digest(h) != h.Sum(KindChunk, []byte("same")) || !a.SameContent(b) {
		t.Error("equal inline content differs")
	}
	l := Entry{Name: "l", Kind: Symlink, Target: "same"}
	if l.Digest(h) != a.Digest(h) || l.SameContent(a) {
		t.Error("a symlink's digest is its target's; its content is no file's")
	}
	for _, e := range []Entry{{Kind: Dir, Tree: ID{7}}, {Kind: File, Content: Content{Kind: KindChunk, ID: ID{7}}}, {Kind: File, Content: Content{Kind: KindList, ID: ID{7}}}} {
		if e.Digest(h) != (ID{7}) {
			t.Errorf("%+v", e)
		}
	}
	if h.Sum(KindChunk, []byte("x")) == h.Sum(KindTree, []byte("x")) || h.Sum(KindChunk, []byte("x")) == NewHasher([32]byte{9}, [32]byte{2}).Sum(KindChunk, []byte("x")) {
		t.Error("an id depends on kind and key")
	}
}
