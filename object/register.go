package object

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Register is one setting of the vault. The larger (counter, writer) wins.
type Register struct {
	Name    string
	Value   string
	Deleted bool // a tombstone; Value is empty
	Counter uint64
	Writer  DeviceID
}

// CheckTag reports whether a tag may have the name.
func CheckTag(name string) error {
	switch {
	case name == "", len(name) > MaxTag, strings.HasPrefix(name, "-"), strings.Contains(name, "/"),
		!utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%w: tag %q: 1 to %d bytes, no slash, control characters or leading dash", ErrName, name, MaxTag)
	}
	return nil
}

// byMaximum reports whether the register of a name is a decimal number that
// joins by its maximum, whoever wrote it.
func byMaximum(name string) bool { return name == "version/merge" || name == "version/writer" }

// compare orders the values of one register; the largest is its value. Only
// equal registers compare as 0.
func (r Register) compare(o Register) int {
	var first int
	if byMaximum(r.Name) {
		first = cmp.Or(cmp.Compare(len(r.Value), len(o.Value)), cmp.Compare(r.Value, o.Value))
	}
	return cmp.Or(first,
		cmp.Compare(r.Counter, o.Counter),
		bytes.Compare(r.Writer[:], o.Writer[:]),
		cmp.Compare(truth(o.Deleted), truth(r.Deleted)),
		cmp.Compare(r.Value, o.Value))
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// check reports whether settings may hold the register.
func (r Register) check() error {
	switch {
	case r.Name == "", !utf8.ValidString(r.Name):
		return malformed("a register's name %q", r.Name)
	case len(r.Name) > maxRegister, len(r.Value) > maxValue:
		return fmt.Errorf("%w: %w: a register of %d bytes", ErrMalformed, ErrLimit, len(r.Name)+len(r.Value))
	case r.Deleted && r.Value != "":
		return malformed("a tombstone with a value")
	}
	if tag, ok := strings.CutPrefix(r.Name, "tag/"); ok && CheckTag(tag) != nil {
		return malformed("a tag named %q", tag)
	}
	if byMaximum(r.Name) {
		if n, err := strconv.ParseUint(r.Value, 10, 32); err != nil || strconv.FormatUint(n, 10) != r.Value {
			return malformed("%s is %q, no number", r.Name, r.Value)
		}
	}
	return nil
}
