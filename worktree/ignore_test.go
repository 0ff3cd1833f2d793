package worktree

import (
	"bytes"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// git's own matcher is the oracle: random patterns and paths must be ignored
// by both or by neither.
func TestIgnoreAgreesWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: it is the oracle of this test")
	}
	const seed = 11
	r := rand.New(rand.NewSource(seed))
	names := []string{"a", "b", "ab", "abc", "a.txt", "b.o", ".x", "a b", "[a]", "x1"}
	atoms := []string{"a", "b", "ab", "*", "?", "*.txt", "a*", "*b", "[ab]", "[!a]*", "**", "x[0-9]", ".x", "a\\*", "a b", "*.o", "[[:alpha:]]", "abc"}
	for round := range 60 {
		dir := t.TempDir()
		run := func(stdin string, args ...string) string {
			cmd := exec.Command("git", args...)
			cmd.Dir = dir
			cmd.Stdin = strings.NewReader(stdin)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil && errs.Len() > 0 {
				t.Fatalf("git %v: %v: %s", args, err, errs.String())
			}
			return out.String()
		}
		run("", "init", "-q")
		var lines []string
		for range 1 + r.Intn(5) {
			var parts []string
			for range 1 + r.Intn(3) {
				parts = append(parts, atoms[r.Intn(len(atoms))])
			}
			p := strings.Join(parts, "/")
			switch r.Intn(6) {
			case 0:
				p = "/" + p
			case 1:
				p += "/"
			case 2:
				p = "!" + p
			case 3:
				p += "  "
			}
			lines = append(lines, p)
		}
		text := strings.Join(lines, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		rules := (*ignoreStack)(nil).with(nil, parseIgnore(text))
		var paths []string
		for range 30 {
			var parts []string
			for range 1 + r.Intn(3) {
				parts = append(parts, names[r.Intn(len(names))])
			}
			p := filepath.Join(dir, filepath.Join(parts...))
			if os.MkdirAll(filepath.Dir(p), 0o755) != nil {
				continue
			}
			if _, err := os.Lstat(p); err != nil && os.WriteFile(p, nil, 0o644) != nil {
				continue
			}
			paths = append(paths, filepath.ToSlash(filepath.Join(parts...)))
		}
		out := run(strings.Join(paths, "\x00")+"\x00", "check-ignore", "-z", "--stdin", "--no-index")
		ignored := map[string]bool{}
		for p := range strings.SplitSeq(out, "\x00") {
			ignored[p] = true
		}
		for _, p := range paths {
			parts := strings.Split(p, "/")
			got := false
			for i := range parts {
				fi, err := os.Lstat(filepath.Join(dir, filepath.Join(parts[:i+1]...)))
				if err != nil {
					t.Fatal(err)
				}
				if got = rules.ignored(parts[:i+1], fi.IsDir()); got {
					break
				}
			}
			if got != ignored[p] {
				t.Errorf("round %d: %q with %q: ignored here %v, by git %v", round, p, lines, got, ignored[p])
			}
		}
	}
}
