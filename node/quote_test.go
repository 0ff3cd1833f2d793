package node

import "testing"

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/docs/a.txt":           "/docs/a.txt",
		"/docs/é日":              "/docs/é日",
		"":                      "''",
		"latest~1:/a":           "latest~1:/a",
		"~a":                    "'~a'",
		"/s p":                  "'/s p'",
		"/it's":                 `'/it'\''s'`,
		"/$(x)":                 "'/$(x)'",
		"/bad\xff":              `$'/bad\xff'`,
		"/a\nb":                 `$'/a\x0ab'`,
		"/it's\x1b[31m\\":       `$'/it\'s\x1b[31m\\'`,
		"/\u202egpj":            `$'/\xe2\x80\xaegpj'`,
		"/two\xff\xfe and \x00": `$'/two\xff\xfe and \x00'`,
	} {
		if got := quote(path); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

func TestLegible(t *testing.T) {
	for text, want := range map[string]string{
		"":                "",
		"/docs/é: gone":   "/docs/é: gone",
		"/docs/\xff: a\n": "/docs/\\xff: a\n",
		"a\uFFFDb":        "a\uFFFDb",
	} {
		if got := Legible(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
