package object

import (
	"bytes"
	"cmp"
	"slices"
)

// Settings is the one joined map that every record carries: registers and
// grow-only sets of membership statements. The zero value is empty.
type Settings struct {
	Registers   []Register // sorted by name
	Admissions  []Admission
	Revocations []Revocation
	Generations []Generation
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
// a tombstone. The counter is one above the largest of all registers, as long
// as there is one.
func (s Settings) Set(writer DeviceID, name, value string, deleted bool) Settings {
	r := Register{Name: name, Value: value, Deleted: deleted, Writer: writer, Counter: 1}
	for _, o := range s.Registers {
		r.Counter = max(r.Counter, o.Counter, o.Counter+1)
	}
	return s.Join(Settings{Registers: []Register{r}})
}

// Admit returns settings with one more admission.
func (s Settings) Admit(a ...Admission) Settings { return s.Join(Settings{Admissions: a}) }

// Join unites settings: commutative, associative, idempotent. Of two registers
// of one name the larger wins.
func (s Settings) Join(o Settings) Settings {
	byName := map[string]Register{}
	for _, list := range [][]Register{s.Registers, o.Registers} {
		for _, r := range list {
			if have, ok := byName[r.Name]; !ok || have.compare(r) < 0 {
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
