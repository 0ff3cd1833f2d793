package worktree

import (
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
	negate, dirOnly, anchored bool
	parts                     []string // split at slashes when anchored, otherwise one
}

// ignoreRules are the patterns of one file, for the directory that holds it.
type ignoreRules struct{ list []pattern }

func parseIgnore(text string) ignoreRules {
	var r ignoreRules
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		line = trimSpaces(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var p pattern
		if line[0] == '!' {
			p.negate = true
			line = line[1:]
		}
		if line == "" || line == "/" {
			continue
		}
		if strings.HasSuffix(line, "/") && !strings.HasSuffix(line, "\\/") {
			p.dirOnly = true
			line = line[:len(line)-1]
		}
		if i := strings.IndexByte(line, '/'); i >= 0 {
			p.anchored = true
			line = strings.TrimPrefix(line, "/")
		}
		if p.anchored {
			p.parts = strings.Split(line, "/")
		} else {
			p.parts = []string{line}
		}
		r.list = append(r.list, p)
	}
	return r
}

// trimSpaces drops trailing spaces that no backslash keeps.
func trimSpaces(s string) string {
	end := len(s)
	for end > 0 && s[end-1] == ' ' {
		slashes := 0
		for i := end - 2; i >= 0 && s[i] == '\\'; i-- {
			slashes++
		}
		if slashes%2 == 1 {
			break
		}
		end--
	}
	return s[:end]
}

// match reports what the rules say of a path (components below the rules'
// directory): found is false when no pattern matches.
func (r ignoreRules) match(path []string, dir bool) (ignored, found bool) {
	for i := len(r.list) - 1; i >= 0; i-- {
		p := r.list[i]
		if p.dirOnly && !dir {
			continue
		}
		ok := false
		if p.anchored {
			ok = matchParts(p.parts, path)
		} else {
			ok = matchName(p.parts[0], path[len(path)-1])
		}
		if ok {
			return !p.negate, true
		}
	}
	return false, false
}

func matchParts(pat, path []string) bool {
	if len(pat) == 0 {
		return len(path) == 0
	}
	if pat[0] == "**" {
		if len(pat) == 1 { // "a/**" matches everything inside
			return len(path) > 0
		}
		for i := range len(path) + 1 {
			if matchParts(pat[1:], path[i:]) {
				return true
			}
		}
		return false
	}
	return len(path) > 0 && matchName(pat[0], path[0]) && matchParts(pat[1:], path[1:])
}

// matchName is fnmatch on one component: "*", "?", "[a-z]", "[!a]", and a
// backslash before a character that stands for itself.
func matchName(pat, s string) bool {
	for {
		if pat == "" {
			return s == ""
		}
		switch pat[0] {
		case '*':
			pat = strings.TrimLeft(pat, "*")
			if pat == "" {
				return true
			}
			for i := 0; i <= len(s); i++ {
				if matchName(pat, s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
			pat, s = pat[1:], s[1:]
		case '[':
			if s == "" {
				return false
			}
			ok, rest, valid := matchSet(pat, s[0])
			if !valid || !ok {
				return false
			}
			pat, s = rest, s[1:]
		case '\\':
			if len(pat) == 1 {
				return false
			}
			pat = pat[1:]
			fallthrough
		default:
			if s == "" || pat[0] != s[0] {
				return false
			}
			pat, s = pat[1:], s[1:]
		}
	}
}

// matchSet matches one byte with the set at the beginning of pat.
func matchSet(pat string, c byte) (ok bool, rest string, valid bool) {
	i := 1
	negate := false
	if i < len(pat) && (pat[i] == '!' || pat[i] == '^') {
		negate = true
		i++
	}
	for first := true; ; first = false {
		if i >= len(pat) {
			return false, "", false
		}
		if pat[i] == ']' && !first {
			return ok != negate, pat[i+1:], true
		}
		if strings.HasPrefix(pat[i:], "[:") {
			if end := strings.Index(pat[i:], ":]"); end > 0 {
				in, known := inClass(pat[i+2:i+end], c)
				if !known {
					return false, "", false
				}
				ok = ok || in
				i += end + 2
				continue
			}
		}
		lo := pat[i]
		if lo == '\\' {
			if i++; i >= len(pat) {
				return false, "", false
			}
			lo = pat[i]
		}
		i++
		hi := lo
		if i+1 < len(pat) && pat[i] == '-' && pat[i+1] != ']' {
			i++
			hi = pat[i]
			if hi == '\\' {
				if i++; i >= len(pat) {
					return false, "", false
				}
				hi = pat[i]
			}
			i++
		}
		if lo <= c && c <= hi {
			ok = true
		}
	}
}

func inClass(name string, c byte) (in, known bool) {
	lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
	switch name {
	case "alpha":
		return lower || upper, true
	case "lower":
		return lower, true
	case "upper":
		return upper, true
	case "digit":
		return digit, true
	case "alnum":
		return lower || upper || digit, true
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r', true
	case "blank":
		return c == ' ' || c == '\t', true
	case "xdigit":
		return digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F', true
	case "punct":
		return c > ' ' && c < 0x7f && !lower && !upper && !digit, true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "graph":
		return c > ' ' && c < 0x7f, true
	case "print":
		return c >= ' ' && c < 0x7f, true
	}
	return false, false
}

// ignoreStack is the rules that hold in a directory: those of its parents and
// its own, each with the path from there.
type ignoreStack struct {
	up    *ignoreStack
	rules ignoreRules
	path  []string // components of this directory below the root
}

// with returns the stack inside a subdirectory.
func (s *ignoreStack) with(path []string, rules ignoreRules) *ignoreStack {
	if len(rules.list) == 0 {
		return s
	}
	return &ignoreStack{s, rules, path}
}

// ignored reports whether the rules leave a path out. full are its components
// from the root; its parents are known not to be ignored.
func (s *ignoreStack) ignored(full []string, dir bool) bool {
	for ; s != nil; s = s.up {
		if ig, found := s.rules.match(full[len(s.path):], dir); found {
			return ig
		}
	}
	return false
}
