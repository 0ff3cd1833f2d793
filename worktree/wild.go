package worktree

import "strings"

// wild matches as git's wildmatch does, oddities included: a set may span
// slashes in the pattern, and a malformed one matches nothing.
type wild struct {
	anySlash bool // "*" and "?" match slashes too
	budget   int  // of steps: a hostile pattern ends as one that does not match
}

// maxWild is far above what any honest pattern needs.
const maxWild = 1 << 17

type wildResult uint8

const (
	wildNo      wildResult = iota // not from here
	wildYes                       //
	wildNever                     // nor from any place farther on
	wildPastDir                   // nor before the next "**"
)

func (w *wild) match(pat, text string) wildResult {
	p, t := 0, 0
	for ; p < len(pat); p, t = p+1, t+1 {
		if w.budget--; w.budget < 0 {
			return wildNever
		}
		c := pat[p]
		if t >= len(text) && c != '*' {
			return wildNever
		}
		switch c {
		case '?':
			if text[t] == '/' && !w.anySlash {
				return wildNo
			}
		case '*':
			end, slashes := w.stars(pat, p)
			if slashes && !w.anySlash && end < len(pat) && pat[end] == '/' { // "**/" may stand for nothing
				if r := w.match(pat[end+1:], text[t:]); r == wildYes || r == wildNever {
					return r
				}
			}
			if end == len(pat) {
				if !slashes && strings.IndexByte(text[t:], '/') >= 0 {
					return wildPastDir
				}
				return wildYes
			}
			if !slashes && pat[end] == '/' { // the rest of this component
				i := strings.IndexByte(text[t:], '/')
				if i < 0 {
					return wildNever
				}
				p, t = end, t+i
				continue
			}
			return w.star(pat[end:], text[t:], slashes)
		case '[':
			n, in, ok := matchSet(pat[p:], text[t])
			if !ok {
				return wildNever
			}
			if !in || text[t] == '/' && !w.anySlash {
				return wildNo
			}
			p += n - 1
		case '\\':
			if p++; p == len(pat) || pat[p] != text[t] {
				return wildNo
			}
		default:
			if c != text[t] {
				return wildNo
			}
		}
	}
	if t < len(text) {
		return wildNo
	}
	return wildYes
}

// stars is the end of a run of "*" and whether it crosses slashes.
func (w *wild) stars(pat string, p int) (end int, slashes bool) {
	end = p
	for end < len(pat) && pat[end] == '*' {
		end++
	}
	if w.anySlash {
		return end, true
	}
	rest := pat[end:]
	return end, end-p > 1 && (p == 0 || pat[p-1] == '/') && (rest == "" || rest[0] == '/' || strings.HasPrefix(rest, "\\/"))
}

// star tries the rest of a pattern behind a "*" at every place of the text.
func (w *wild) star(rest, text string, slashes bool) wildResult {
	for t := 0; t < len(text); t++ {
		if w.budget--; w.budget < 0 {
			return wildNever
		}
		if strings.IndexByte(special, rest[0]) < 0 { // on to the next place where it can begin
			for t < len(text) && (slashes || text[t] != '/') && text[t] != rest[0] {
				t++
			}
			if t == len(text) || text[t] != rest[0] {
				if slashes {
					return wildNever
				}
				return wildPastDir
			}
		}
		r := w.match(rest, text[t:])
		switch {
		case r == wildNo && !slashes && text[t] == '/':
			return wildPastDir
		case r != wildNo && (!slashes || r != wildPastDir):
			return r
		}
	}
	return wildNever
}

// matchSet matches one byte with the set at the beginning of pat, n bytes
// long; ok is false when it is malformed.
func matchSet(pat string, c byte) (n int, in, ok bool) {
	i := 1
	negate := i < len(pat) && (pat[i] == '!' || pat[i] == '^')
	if negate {
		i++
	}
	prev := byte(0) // what a range may begin with
	for first := true; ; first = false {
		if i >= len(pat) {
			return 0, false, false
		}
		x := pat[i]
		switch {
		case x == ']' && !first:
			return i + 1, in != negate, true
		case x == '\\':
			if i++; i >= len(pat) {
				return 0, false, false
			}
			x = pat[i]
			in = in || c == x
		case x == '-' && prev != 0 && i+1 < len(pat) && pat[i+1] != ']':
			i++
			if pat[i] == '\\' {
				if i++; i >= len(pat) {
					return 0, false, false
				}
			}
			in = in || prev <= c && c <= pat[i]
			x = 0
		case x == '[' && i+1 < len(pat) && pat[i+1] == ':':
			end := strings.IndexByte(pat[i+2:], ']')
			if end < 0 {
				return 0, false, false
			}
			if end == 0 || pat[i+2+end-1] != ':' { // no ":]": like any other byte
				in = in || c == '['
				break
			}
			is, known := inClass(pat[i+2:i+2+end-1], c)
			if !known {
				return 0, false, false
			}
			in = in || is
			i += 2 + end
			x = 0
		default:
			in = in || c == x
		}
		prev = x
		i++
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
