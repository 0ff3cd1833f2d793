package node

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quote makes one word of a path for a shell, in the commands that hints name.
// What no terminal shows as it is and no JSON carries stands as $'\x1b' does.
func quote(path string) string {
	plain := func(r rune) bool {
		return r > 0x7f || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("/._-+=:@%,~", r)
	}
	if strings.ContainsFunc(path, hidden) || !utf8.ValidString(path) {
		return "$'" + byBytes(strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(path), hidden) + "'"
	}
	if path != "" && path[0] != '~' && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Quote is quote, for the hints of a command line.
func Quote(path string) string { return quote(path) }

// Legible writes bytes that are no UTF-8 as people see them everywhere, \xff: in
// JSON all of them would become the same sign.
func Legible(text string) string { return byBytes(text, func(rune) bool { return false }) }

// hidden reports whether a terminal obeys a character, or shows nothing of it.
func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// byBytes writes the bytes of what is no UTF-8, and of some characters, as \x and
// two digits.
func byBytes(text string, some func(rune) bool) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || some(r) {
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, text[i])
			}
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}
