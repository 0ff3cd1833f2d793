package worktree

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// A row that is read is written again as it was, and damage is an error.
func FuzzDecodeRow(f *testing.F) {
	r := row{tree: object.ID{1}, bytes: 300, files: 2, names: []rowName{
		{name: "a", kind: object.File, mode: 0o644, size: 300, mtime: -5, ctime: -1, inode: 1 << 60},
		{name: "d", kind: object.Dir, mode: 0o755, tree: object.ID{2}, bytes: 7, files: 1},
		{name: "l", kind: object.Symlink, size: 3, mtime: 1 << 62},
	}}
	whole := r.encode()
	f.Add(whole[:len(whole)-4])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRow(binary.LittleEndian.AppendUint32(b, sumOf(b)))
		if err != nil {
			return
		}
		again, err := decodeRow(r.encode())
		if err != nil || !bytes.Equal(again.encode(), r.encode()) {
			t.Fatalf("%x does not come back: %v", b, err)
		}
		for _, n := range r.names {
			r.find(n.name)
		}
	})
}

// Whatever an ignore file and a path hold, the answer comes soon, a comment
// changes nothing, and the last line decides.
func FuzzIgnore(f *testing.F) {
	for _, s := range []string{"*.o", "!a", "/a/**/b", "**", "a/", "[!a]", "[[:alpha:]-z]", "a\\ ", "[", "\\", "#x\n!x\n", "\ufeffa\r\n", "**/*a*/" + strings.Repeat("**/a/", 30)} {
		f.Add(s, "a/b/a.o")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		if len(text) > 1<<12 || len(path) > 1<<10 || strings.ContainsAny(path, "\x00") {
			return
		}
		var parts []string
		for p := range strings.SplitSeq(path, "/") {
			if p != "" {
				parts = append(parts, p)
			}
		}
		if len(parts) == 0 {
			return
		}
		rules := parseIgnore(text)
		for _, dir := range []bool{false, true} {
			ig, found := rules.match(parts, dir)
			if ig && !found {
				t.Fatal("ignored by nothing")
			}
			// A rule that takes everything back decides alone.
			if ig, _ := parseIgnore(text+"\n!*\n").match(parts, dir); ig {
				t.Fatalf("%q ignores %q though the last line takes it back", text, path)
			}
			ig2, found2 := parseIgnore("\n# nothing\n"+strings.TrimPrefix(text, "\ufeff")).match(parts, dir)
			if ig2 != ig || found2 != found {
				t.Fatal("a comment changes the rules")
			}
		}
	})
}
