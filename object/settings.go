package object

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSettings bounds the registers and the statements of one vault, and
// maxValue one register's value.
const (
	maxSettings = 1 << 16
	maxValue    = 4096
)

// Register is one setting of the vault. The larger (counter, writer) wins.
type Register struct {
	Name    string
	Value   string
	Deleted bool // a tombstone; Value is empty
	Counter uint64
	Writer  DeviceID
}

// Settings is the one joined map that every record carries: registers and
// grow-only sets of membership statements. The zero value is empty.
type Settings struct {
	Registers   []Register // sorted by name
	Admissions  []Admission
	Revocations []Revocation
	Generations []Generation
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

// Get returns a register's value.
func (s Settings) Get(name string) (string, bool) {
	i, ok := slices.BinarySearchFunc(s.Registers, name, func(r Register, n string) int { return cmp.Compare(r.Name, n) })
	if !ok || s.Registers[i].Deleted {
		return "", false
	}
	return s.Registers[i].Value, true
}

// Set returns settings in which writer gave a register a value; deleted makes
// a tombstone. The counter is one above the largest of all registers.
func (s Settings) Set(writer DeviceID, name, value string, deleted bool) Settings {
	r := Register{Name: name, Value: value, Deleted: deleted, Writer: writer, Counter: 1}
	for _, o := range s.Registers {
		r.Counter = max(r.Counter, o.Counter+1)
	}
	return s.Join(Settings{Registers: []Register{r}})
}

// Admit returns settings with one more admission.
func (s Settings) Admit(a ...Admission) Settings { return s.Join(Settings{Admissions: a}) }

func wins(a, b Register) bool {
	if strings.HasPrefix(a.Name, "version/") && a.Value != b.Value { // joins by maximum
		return len(a.Value) > len(b.Value) || len(a.Value) == len(b.Value) && a.Value > b.Value
	}
	if a.Counter != b.Counter {
		return a.Counter > b.Counter
	}
	if c := bytes.Compare(a.Writer[:], b.Writer[:]); c != 0 {
		return c > 0
	}
	if a.Deleted != b.Deleted {
		return b.Deleted
	}
	return a.Value > b.Value
}

// Join unites settings: commutative, associative, idempotent.
func (s Settings) Join(o Settings) Settings {
	byName := map[string]Register{}
	for _, list := range [][]Register{s.Registers, o.Registers} {
		for _, r := range list {
			if have, ok := byName[r.Name]; !ok || wins(r, have) {
				byName[r.Name] = r
			}
		}
	}
	var out Settings
	for _, r := range byName {
		out.Registers = append(out.Registers, r)
	}
	slices.SortFunc(out.Registers, func(a, b Register) int { return cmp.Compare(a.Name, b.Name) })
	out.Admissions = unite(s.Admissions, o.Admissions)
	out.Revocations = unite(s.Revocations, o.Revocations)
	out.Generations = unite(s.Generations, o.Generations)
	return out
}

// unite merges two sets, ordered by encoding.
func unite[T interface{ Encode() []byte }](a, b []T) []T {
	type coded struct {
		v T
		b []byte
	}
	var all []coded
	for _, list := range [][]T{a, b} {
		for _, v := range list {
			all = append(all, coded{v, v.Encode()})
		}
	}
	slices.SortFunc(all, func(x, y coded) int { return bytes.Compare(x.b, y.b) })
	var out []T
	for i, c := range all {
		if i == 0 || !bytes.Equal(all[i-1].b, c.b) {
			out = append(out, c.v)
		}
	}
	return out
}

// Encode returns the canonical bytes. It sorts nothing: Join and Set keep the
// order.
func (s Settings) Encode() ([]byte, error) {
	if len(s.Registers) > maxSettings || len(s.Admissions) > MaxDevices || len(s.Revocations) > MaxDevices || len(s.Generations) > MaxDevices {
		return nil, fmt.Errorf("encode settings: %w", ErrLimit)
	}
	b := appendArray(nil, 4)
	b = appendArray(b, len(s.Registers))
	for _, r := range s.Registers {
		b = appendArray(b, 4)
		b = appendText(b, r.Name)
		if r.Deleted {
			b = append(b, cborNull)
		} else {
			b = appendBytes(b, r.Value)
		}
		b = appendUint(b, r.Counter)
		b = appendBytes(b, r.Writer[:])
	}
	b = appendSet(b, s.Admissions)
	b = appendSet(b, s.Revocations)
	b = appendSet(b, s.Generations)
	if len(b) > MaxObject {
		return nil, fmt.Errorf("encode settings: %w: %d bytes", ErrLimit, len(b))
	}
	return b, nil
}

func appendSet[T interface{ Encode() []byte }](b []byte, set []T) []byte {
	b = appendArray(b, len(set))
	for _, v := range set {
		b = appendBytes(b, v.Encode())
	}
	return b
}

// DecodeSettings reads settings and checks every signature in them by the
// keys that the statements name, generations by the vault's admission key.
func DecodeSettings(b []byte, key []byte) (Settings, error) {
	if len(b) > MaxObject {
		return Settings{}, fmt.Errorf("read settings: %w", ErrLimit)
	}
	d := &decoder{b: b}
	var s Settings
	d.fixed(4, "settings")
	for range d.array(maxSettings, "registers") {
		var r Register
		d.fixed(4, "a register")
		r.Name = d.text(MaxTag+32, "a register's name")
		if r.Deleted = d.null(); !r.Deleted {
			r.Value = string(d.bytes(maxValue, "a register's value"))
		}
		r.Counter = d.uint()
		r.Writer = d.device()
		if d.err == nil && (r.Name == "" || !utf8.ValidString(r.Name) || len(s.Registers) > 0 && s.Registers[len(s.Registers)-1].Name >= r.Name) {
			d.fail("registers out of order")
		}
		if d.err != nil {
			break
		}
		s.Registers = append(s.Registers, r)
	}
	s.Admissions = decodeSet(d, DecodeAdmission)
	s.Revocations = decodeSet(d, DecodeRevocation)
	s.Generations = decodeSet(d, func(b []byte) (Generation, error) { return DecodeGeneration(b, key) })
	if err := d.end(); err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return s, nil
}

func decodeSet[T any](d *decoder, decode func([]byte) (T, error)) []T {
	var out []T
	var last []byte
	for range d.array(MaxDevices, "statements") {
		b := d.bytes(MaxRecord, "a statement")
		if d.err == nil && last != nil && bytes.Compare(last, b) >= 0 {
			d.fail("statements out of order")
		}
		if d.err != nil {
			break
		}
		v, err := decode(b)
		if err != nil {
			d.err = err
			break
		}
		last = b
		out = append(out, v)
	}
	return out
}
