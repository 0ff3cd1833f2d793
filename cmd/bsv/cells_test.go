package main

import (
	"bytes"
	"testing"
)

// Columns stand below each other also where characters take two places, or none.
func TestTableOfWideCharacters(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	a.table([][]string{{"plain", "x"}, {"日本", "x"}, {"e\u0301te\u0301", "x"}, {"\x1b[32mab\x1b[0m", "x"}})
	want := "plain  x\n日本   x\ne\u0301te\u0301    x\n\x1b[32mab\x1b[0m     x\n"
	if out.String() != want {
		t.Errorf("got\n%q, want\n%q", out.String(), want)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text       string
		most       int
		end, begin string
	}{
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "abc", "…cd"},
		{"日本語", 6, "日本語", "日本語"},
		{"日本語", 5, "日本", "…本語"},
		{"日本語", 4, "日本", "…語"},
		{"ae\u0301b", 2, "ae\u0301", "…b"},
		{"abc", 0, "", "…"},
	} {
		if end, begin := cutEnd(c.text, c.most), cutBegin(c.text, c.most); end != c.end || begin != c.begin {
			t.Errorf("%q in %d: %q and %q, want %q and %q", c.text, c.most, end, begin, c.end, c.begin)
		}
	}
}
