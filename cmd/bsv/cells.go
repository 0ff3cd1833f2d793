package main

import (
	"unicode"

	"golang.org/x/text/width"
)

// cells is the width of a text on a terminal, colours left out.
func cells(s string) int {
	n, in := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			in = true
		case in:
			in = r != 'm'
		default:
			n += cellsOf(r)
		}
	}
	return n
}

// cellsOf is the width of a character: accents stand above the one before, and
// those of East Asia take two places.
func cellsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cutEnd is as much of the beginning of a text without colours as fits.
func cutEnd(s string, most int) string {
	for i, r := range s {
		if most -= cellsOf(r); most < 0 {
			return s[:i]
		}
	}
	return s
}

// cutBegin is as much of the end of a text without colours as fits.
func cutBegin(s string, most int) string {
	left := cells(s)
	if left <= most {
		return s
	}
	for i, r := range s {
		if left < most && cellsOf(r) > 0 { // an accent goes with what it stands on
			return "…" + s[i:]
		}
		left -= cellsOf(r)
	}
	return "…"
}
