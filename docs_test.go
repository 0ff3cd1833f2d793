package bsv

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every crash point is named in docs/format.md, and every one that is named
// there is in the code.
func TestDocsNameEveryCrashPoint(t *testing.T) {
	doc, err := os.ReadFile("docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(doc), "## Crash points\n")
	if !ok {
		t.Fatal("no crash points in docs/format.md")
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z]+\\.[a-z.]+)`").FindAllStringSubmatch(text, -1) {
		named[m[1]] = true
	}
	hit := regexp.MustCompile(`\.(?:Hit|Err)\("([^"]+)"\)`)
	found := map[string]bool{}
	err = filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		b, err := os.ReadFile(p)
		for _, m := range hit.FindAllStringSubmatch(string(b), -1) {
			found[m[1]] = true
		}
		return err
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("%d points, %v", len(found), err)
	}
	for p := range found {
		if !named[p] {
			t.Errorf("docs/format.md does not name %s", p)
		}
	}
	for p := range named {
		if !found[p] {
			t.Errorf("docs/format.md names %s, which no code has", p)
		}
	}
}
