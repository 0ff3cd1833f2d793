package merge_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

func TestCopyName(t *testing.T) {
	id := object.ID{0x57, 0xcb, 0xb3, 0x40, 0x22}
	const short = "k7f3gqbc"
	for _, c := range []struct{ name, want string }{
		{"report.docx", "report.conflict-" + short + ".docx"},
		{"report", "report.conflict-" + short},
		{".bashrc", ".bashrc.conflict-" + short},
		{".config.yml", ".config.conflict-" + short + ".yml"},
		{"a.tar.gz", "a.conflict-" + short + ".tar.gz"},
		{".tar.gz", ".tar.conflict-" + short + ".gz"},
		{"report.conflict-aaaaaaaa.docx", "report.conflict-" + short + ".docx"},
		{"report.conflict-aaaaaaaabbbbb.docx", "report.conflict-" + short + ".docx"},
		{"a.conflict-aaaaaaaa.tar.gz", "a.conflict-" + short + ".tar.gz"},
		{"report.conflict-tooshor.docx", "report.conflict-tooshor.conflict-" + short + ".docx"},
		{"x." + strings.Repeat("e", 40), "x." + strings.Repeat("e", 40) + ".conflict-" + short},
	} {
		if got := merge.CopyName(c.name, id); got != c.want {
			t.Errorf("copy of %q: %q, want %q", c.name, got, c.want)
		}
	}
	var asked []string
	merge.CopyName("a", id, func(n string) bool { asked = append(asked, n); return len(asked) < 4 })
	for i, want := range []int{8, 13, 26, 26} {
		if got := len(asked[i]) - len("a.conflict-"); got != want {
			t.Errorf("name %d has %d characters of a digest, want %d", i, got, want)
		}
	}
}

// A copy has a legal name, of which the original is known when it was not
// cut, and a copy of a copy is a copy of the original.
func TestCopyNameLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a-z.é]{1,12}`), rapid.StringMatching(`[a-zé界.]{60,120}`), rapid.StringMatching(`[a-z]{1,9}(\.conflict-[a-z2-7]{8})?(\.tar)?(\.[a-z]{1,4})?`)).Draw(t, "name")
		if object.CheckName(name) != nil {
			t.Skip("no name")
		}
		var a, b object.ID
		copy(a[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "a"))
		copy(b[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "b"))
		got := merge.CopyName(name, a)
		if err := object.CheckName(got); err != nil {
			t.Fatalf("copy of %q: %v", name, err)
		}
		if utf8.ValidString(name) && !utf8.ValidString(got) {
			t.Fatalf("copy of %q was cut inside of a character: %q", name, got)
		}
		orig, ok := merge.Original(got)
		if !ok {
			t.Fatalf("%q is not known as a copy", got)
		}
		want := name
		if o, was := merge.Original(name); was {
			want = o
		}
		if len(got) < 230 && orig != want {
			t.Fatalf("original of %q: %q, want %q", got, orig, want)
		}
		if again := merge.CopyName(got, b); len(got) < 230 && again != merge.CopyName(name, b) {
			t.Fatalf("copies chain: %q", again)
		}
	})
}
