package worktree

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// Ignore rules follow gitignore: the last matching pattern decides, "!"
// negates, a trailing slash means directories, a slash before the end anchors
// the pattern at the file's directory, "**" crosses directories. A name below
// an ignored directory is ignored whatever its own patterns say.

const ignoreName = ".bsvignore"

// maxIgnore bounds an ignore file in bytes.
const maxIgnore = 1 << 20

type pattern struct {
	negate, dirOnly bool
	name            bool   // no slash in it: it is compared with the last component
	text            string // without "!", leading and trailing slash
	plain           int    // so many bytes at its beginning stand for themselves
}

// ignoreRules are the patterns of one file, for the directory that holds it.
type ignoreRules struct {
	list []pattern
	id   rulesID // of their text
}

// rulesID tells whether rules are what they were: the beginning of a SHA-256,
// zero where there are none.
type rulesID [16]byte

func parseIgnore(text string) ignoreRules {
	var r ignoreRules
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		if i := strings.IndexByte(line, 0); i >= 0 {
			line = line[:i]
		}
		line = trimSpaces(line)
		var p pattern
		if line != "" && line[0] == '!' {
			p.negate = true
			line = line[1:]
		}
		if strings.HasSuffix(line, "/") {
			p.dirOnly = true
			line = line[:len(line)-1]
		}
		if line == "" {
			continue
		}
		p.name = strings.IndexByte(line, '/') < 0
		p.text = strings.TrimPrefix(line, "/")
		p.plain = len(p.text)
		if i := strings.IndexAny(p.text, special); i >= 0 {
			p.plain = i
		}
		r.list = append(r.list, p)
	}
	if len(r.list) > 0 {
		sum := sha256.Sum256([]byte(text))
		r.id = rulesID(sum[:])
	}
	return r
}

const special = "*?[\\"

// trimSpaces drops trailing spaces that no backslash keeps.
func trimSpaces(s string) string {
	end := -1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			if end < 0 {
				end = i
			}
		case '\\':
			if i++; i == len(s) {
				return s
			}
			end = -1
		default:
			end = -1
		}
	}
	if end >= 0 {
		return s[:end]
	}
	return s
}

// match reports what the rules say of a path (components below the rules'
// directory): found is false when no pattern matches.
func (r ignoreRules) match(path []string, dir bool) (ignored, found bool) {
	whole := ""
	for i := len(r.list) - 1; i >= 0; i-- {
		p := &r.list[i]
		if p.dirOnly && !dir {
			continue
		}
		text := path[len(path)-1]
		if !p.name {
			if whole == "" {
				whole = strings.Join(path, "/")
			}
			text = whole
		}
		if p.matches(text) {
			return !p.negate, true
		}
	}
	return false, false
}

func (p *pattern) matches(text string) bool {
	if p.plain == len(p.text) {
		return p.text == text
	}
	if !strings.HasPrefix(text, p.text[:p.plain]) {
		return false
	}
	pat, slashes := p.text, p.name
	if !p.name { // git looks at the rest alone, so that "a**/b" reads as "**/b"
		pat, text = pat[p.plain:], text[p.plain:]
	}
	w := wild{budget: maxWild, anySlash: slashes}
	return w.match(pat, text) == wildYes
}

// ignoreStack is the rules that hold in a directory: those of its parents and
// its own, each with the path from there.
type ignoreStack struct {
	up    *ignoreStack
	rules ignoreRules
	path  []string // components of this directory below the root
	id    rulesID  // of all of them
}

// rulesID tells all that holds from other rules; of no stack it is zero.
func (s *ignoreStack) rulesID() rulesID {
	if s == nil {
		return rulesID{}
	}
	return s.id
}

// with returns the stack inside a subdirectory.
func (s *ignoreStack) with(path []string, rules ignoreRules) *ignoreStack {
	if len(rules.list) == 0 {
		return s
	}
	up := s.rulesID()
	sum := sha256.Sum256(slices.Concat(up[:], []byte(strings.Join(path, "/")), []byte{0}, rules.id[:]))
	return &ignoreStack{s, rules, path, rulesID(sum[:])}
}

// ignored reports whether the rules leave a path out. full are its components
// from the root; its parents are known not to be ignored.
func (s *ignoreStack) ignored(full []string, dir bool) bool {
	_, ig := s.by(full, dir)
	return ig
}

// by is ignored, and the directory whose rules decide.
func (s *ignoreStack) by(full []string, dir bool) (at []string, ignored bool) {
	for ; s != nil; s = s.up {
		if ig, found := s.rules.match(full[len(s.path):], dir); found {
			return s.path, ig
		}
	}
	return nil, false
}
