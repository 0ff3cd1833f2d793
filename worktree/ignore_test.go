package worktree

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	ignoreN    = flag.Int("ignore.n", 120, "random rule sets to compare with git")
	ignoreSeed = flag.Int64("ignore.seed", 11, "seed of the first of them")
)

// gitIgnores asks git's own matcher which of the paths its rules leave out.
func gitIgnores(t *testing.T, dir string, paths []string) map[string]bool {
	t.Helper()
	cmd := exec.Command("git", "-c", "core.ignorecase=false", "check-ignore", "-z", "--stdin", "--no-index")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\x00") + "\x00")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && errs.Len() > 0 {
		t.Fatalf("git: %v: %s", err, errs.String())
	}
	ignored := map[string]bool{}
	for p := range strings.SplitSeq(out.String(), "\x00") {
		ignored[p] = true
	}
	return ignored
}

// hereIgnores goes down the path as a scan does.
func hereIgnores(t *testing.T, dir string, rules map[string]string, p string) bool {
	t.Helper()
	parts := strings.Split(p, "/")
	var stack *ignoreStack
	for i := range parts {
		if text, ok := rules[path.Join(parts[:i]...)]; ok {
			stack = stack.with(parts[:i], parseIgnore(text))
		}
		fi, err := os.Lstat(filepath.Join(dir, filepath.Join(parts[:i+1]...)))
		if err != nil {
			t.Fatal(err)
		}
		if stack.ignored(parts[:i+1], fi.IsDir()) {
			return true
		}
	}
	return false
}

type ignoreRandom struct {
	*rand.Rand
}

func (r ignoreRandom) of(list []string) string { return list[r.Intn(len(list))] }

// pattern is a random line of an ignore file.
func (r ignoreRandom) pattern() string {
	atoms := []string{"a", "b", "ab", "*", "?", "*.txt", "a*", "*b", "[ab]", "[!a]*", "**", "x[0-9]", ".x", "a\\*", "a b", "*.o", "[[:alpha:]]", "abc",
		"\\a", "[]a]", "[a-]", "[a-c]*", "[^b]?", "[\\]]", "[a", "a[", "*a*b*", "**a", "a**", "a**b", "***", "?*", "*?", "\\!a", "\\#a", "#a", "!", "[!]", "[[:digit:][:upper:]]1",
		"[[:nope:]]", "\\", "a\\", "é", "\xff", "[\xc0-\xff]", "a\tb", "[a-\\c]", "[c-a]", "A", "X1", "[[:space:]]", "a[!-~]b", "a[b]c", "[*]", "\\?"}
	var parts []string
	for range 1 + r.Intn(3) {
		a := r.of(atoms)
		if r.Intn(6) == 0 {
			a += r.of(atoms)
		}
		parts = append(parts, a)
	}
	p := strings.Join(parts, "/")
	switch r.Intn(14) {
	case 0, 1:
		p = "/" + p
	case 2, 3:
		p += "/"
	case 4, 5, 6:
		p = "!" + p
	case 7:
		p += "  "
	case 8:
		p += "\\ "
	case 9:
		p += "//"
	case 10:
		p = " " + p
	case 11:
		p = "**/" + p
	case 12:
		p += "/**"
	}
	return p
}

func (r ignoreRandom) rules() string {
	var lines []string
	for range 1 + r.Intn(6) {
		lines = append(lines, r.pattern())
	}
	end := "\n"
	if r.Intn(8) == 0 {
		end = "\r\n"
	}
	text := strings.Join(lines, end)
	if r.Intn(8) > 0 {
		text += end
	}
	if r.Intn(10) == 0 {
		text = "\ufeff" + text
	}
	return text
}

// git's own matcher is the oracle: random rules in several directories, and
// random paths, must be ignored by both or by neither.
func TestIgnoreAgreesWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: it is the oracle of this test")
	}
	names := []string{"a", "b", "ab", "abc", "a.txt", "b.o", ".x", "a b", "[a]", "x1", "A", "X1", "!a", "#a", "a*", "a\\b", "é", "\xff", "a\tb", "]", "-", "^b", "1", "a b ", "*", "?", "axb"}
	repo := t.TempDir()
	cmd := exec.Command("git", "init", "-q", "--template=")
	if cmd.Dir = repo; cmd.Run() != nil {
		t.Fatal("git init")
	}
	compared := 0
	for n := range *ignoreN {
		seed := *ignoreSeed + int64(n)
		r := ignoreRandom{rand.New(rand.NewSource(seed))}
		dir := filepath.Join(repo, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var paths []string
		for range 60 {
			var parts []string
			for range 1 + r.Intn(4) {
				parts = append(parts, r.of(names))
			}
			rel := path.Join(parts...)
			p := filepath.Join(dir, rel)
			if os.MkdirAll(filepath.Dir(p), 0o755) != nil {
				continue
			}
			if r.Intn(4) == 0 {
				_ = os.Mkdir(p, 0o755)
			} else if _, err := os.Lstat(p); err != nil {
				_ = os.WriteFile(p, nil, 0o644)
			}
			if _, err := os.Lstat(p); err == nil {
				paths = append(paths, rel)
			}
		}
		rules := map[string]string{"": r.rules()}
		for range r.Intn(4) {
			if at := path.Dir(r.of(paths)); at != "." {
				rules[at] = r.rules()
			}
		}
		for at, text := range rules {
			if err := os.WriteFile(filepath.Join(dir, at, ".gitignore"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git := gitIgnores(t, dir, paths)
		for _, p := range paths {
			compared++
			if got := hereIgnores(t, dir, rules, p); got != git[p] {
				t.Errorf("-ignore.seed=%d: %q with %q: ignored here %v, by git %v", seed, p, rules, got, git[p])
			}
		}
		if t.Failed() {
			break
		}
	}
	fmt.Printf("%d paths in %d sets of ignore rules, from -ignore.seed=%d\n", compared, *ignoreN, *ignoreSeed)
}

// A pattern from another device must not take for ever.
func TestIgnoreIsNotSlow(t *testing.T) {
	name := strings.Repeat("a", 250)
	deep := strings.Split(strings.Repeat("a/", 200)+"a", "/")
	begin := time.Now()
	for _, c := range []struct {
		rules string
		path  []string
	}{
		{strings.Repeat("*a", 60) + "b", []string{name}},
		{strings.Repeat("*[a]?", 40) + "b", []string{name}},
		{strings.Repeat("**/a/", 60) + "b", deep},
		{strings.Repeat("**/*a*/", 60) + "b", deep},
	} {
		if ig, _ := parseIgnore(c.rules).match(c.path, false); ig {
			t.Errorf("%.40s matches", c.rules)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
