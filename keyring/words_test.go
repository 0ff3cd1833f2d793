package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWordsThatAreWrong(t *testing.T) {
	w := strings.Fields(testSecret().Words())
	w[3], w[4] = w[4], w[3]
	for _, text := range []string{"", "one two", strings.Join(w, " "), strings.Repeat("zzz ", 24)} {
		if _, err := ParseWords(text); !errors.Is(err, ErrWords) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A mistyped word is named; words in another order are told from it.
func TestWordsThatAreMistyped(t *testing.T) {
	right := strings.Fields(testSecret().Words())
	for i := range right {
		w := slices.Clone(right)
		w[i] = "xyzzy"
		_, err := ParseWords(strings.Join(w, " "))
		if want := fmt.Sprintf("word %d, \"xyzzy\", is not on the list", i+1); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	w := slices.Clone(right)
	w[0] = "abandon"
	if _, err := ParseWords(strings.Join(w, " ")); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), "checksum") {
		t.Error(err)
	}
	if _, err := ParseWords(strings.Join(right[1:], " ")); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), "23 words") {
		t.Error(err)
	}
	if s, err := ParseWords("\n" + strings.Join(right, "\t\r\n ") + " "); err != nil || s != testSecret() {
		t.Error("white space matters:", err)
	}
}
