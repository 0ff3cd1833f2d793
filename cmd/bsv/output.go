package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/bsvsync/bsv/node"
)

// printJSON prints the one document of --json.
func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	// Every document begins with the version of its form.
	out := []byte(`{"v":1`)
	if len(b) > 2 {
		out = append(out, ',')
		out = append(out, b[1:]...)
	} else {
		out = append(out, '}')
	}
	_, err = fmt.Fprintf(a.out, "%s\n", out)
	return err
}

// result prints JSON, or text by f; quiet prints nothing.
func (a *app) result(v any, f func()) error {
	if a.flags.json {
		return a.printJSON(v)
	}
	if !a.flags.quiet {
		f()
	}
	return nil
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// say prints a message beside the results.
func (a *app) say(format string, args ...any) {
	if !a.flags.quiet {
		fmt.Fprintf(a.err, "bsv: "+format+"\n", args...)
	}
}

// escape makes control characters and bytes that are no UTF-8 harmless for a
// terminal.
func escape(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case r == '\n':
			b.WriteString("\\n")
		case r == '\t':
			b.WriteString("\\t")
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// short is the form of an id for people.
func short(cid string) string {
	if id, ok := node.ShortID(cid); ok {
		return id
	}
	return cid
}

// when is a time for people; what has none, as the vault's root, has the
// beginning of the count.
func when(stamp string) string {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	switch {
	case stamp == "":
		return "-"
	case err != nil:
		return stamp
	case t.UnixNano() == 0:
		return "-"
	}
	return node.LocalTime(t)
}

func size(n uint64) string { return humanize.IBytes(n) }

// count is "1 file", "2 files".
func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return humanize.Comma(int64(n)) + " " + what + "s"
}

// table prints rows whose columns stand below each other; the last column of
// a row is as long as it likes.
func (a *app) table(rows [][]string) {
	var width []int
	for _, row := range rows {
		for i, cell := range row[:max(len(row)-1, 0)] {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], cells(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-cells(cell)+2))
			}
		}
		a.printf("%s\n", strings.TrimRight(b.String(), " "))
	}
}

// tell lists the problems of a result, then the hints of those that have one,
// each once, and turns them into the exit code.
func (a *app) tell(list []node.Problem) {
	var hints []string
	for _, p := range list {
		a.problems = true
		a.damaged = a.damaged || p.Kind == node.Damage
		fmt.Fprintf(a.err, "bsv: %s: %s\n", escape(p.Raw()), escape(p.Reason))
		if p.Hint != "" && !slices.Contains(hints, p.Hint) {
			hints = append(hints, p.Hint)
		}
	}
	for _, h := range hints {
		fmt.Fprintf(a.err, "bsv: hint: %s\n", escape(h))
	}
}

// mostNotices is how many notices are printed without -v.
const mostNotices = 5

// note lists what was left out or decided by bsv itself: news, no problem.
func (a *app) note(list []node.Problem) {
	for i, p := range list {
		if i == mostNotices && !a.flags.verbose {
			a.say("and %d more of this kind; -v lists them", len(list)-i)
			break
		}
		a.say("%s: %s", escape(p.Raw()), escape(p.Reason))
	}
}

func isTerminal(w any) bool {
	if r, ok := w.(interface{ isTerminal() bool }); ok {
		return r.isTerminal()
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
