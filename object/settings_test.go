package object

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anySettings draws settings that often disagree: few names, values, counters
// and writers.
func anySettings(t *rapid.T, label string, made []Admission) Settings {
	var s Settings
	for range rapid.IntRange(0, 6).Draw(t, label) {
		r := Register{
			Name:    rapid.SampledFrom([]string{"name/a", "tag/b", "version/merge", "version/writer"}).Draw(t, "name"),
			Value:   fmt.Sprint(rapid.SampledFrom([]int{1, 2, 9, 10, 100}).Draw(t, "value")),
			Counter: rapid.Uint64Range(0, 3).Draw(t, "counter"),
			Writer:  DeviceID{rapid.ByteRange(1, 3).Draw(t, "writer")},
		}
		if !byMaximum(r.Name) && rapid.Bool().Draw(t, "deleted") {
			r.Deleted, r.Value = true, ""
		}
		s = s.Join(Settings{Registers: []Register{r}})
	}
	for _, a := range made {
		if rapid.Bool().Draw(t, "admission") {
			s = s.Admit(a)
		}
	}
	return s
}

func encoded(t rapid.TB, s Settings) string {
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Join is the least upper bound: commutative, associative, idempotent, and
// what it gives reads back.
func TestJoinIsALattice(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	var made []Admission
	for i := range 4 {
		made = append(made, Admit([16]byte{1}, 0, DeviceID{byte(i)}, [32]byte{2}, key))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anySettings(t, "a", made), anySettings(t, "b", made), anySettings(t, "c", made)
		ab := a.Join(b)
		if encoded(t, ab) != encoded(t, b.Join(a)) {
			t.Error("the order of two matters")
		}
		if encoded(t, ab.Join(c)) != encoded(t, a.Join(b.Join(c))) {
			t.Error("the grouping of three matters")
		}
		if encoded(t, ab.Join(a)) != encoded(t, ab) || encoded(t, a.Join(a)) != encoded(t, a) {
			t.Error("joining again changes something")
		}
		back, err := DecodeSettings([]byte(encoded(t, ab)), key.Public().(ed25519.PublicKey))
		if err != nil || encoded(t, back) != encoded(t, ab) {
			t.Error("does not read back", err)
		}
	})
}

func TestWhichRegisterWins(t *testing.T) {
	one := func(name, value string, counter uint64, writer byte) Settings {
		return Settings{Registers: []Register{{Name: name, Value: value, Deleted: value == "", Counter: counter, Writer: DeviceID{writer}}}}
	}
	for _, c := range []struct {
		what string
		a, b Settings
		want string
	}{
		{"the larger counter", one("name/x", "new", 2, 1), one("name/x", "old", 1, 9), "new"},
		{"of equal counters the larger writer", one("name/x", "two", 1, 2), one("name/x", "one", 1, 1), "two"},
		{"a newer tombstone", one("name/x", "", 2, 1), one("name/x", "old", 1, 9), ""},
		{"a newer value over a tombstone", one("name/x", "again", 3, 1), one("name/x", "", 2, 9), "again"},
		{"of versions the larger number, whoever wrote it and when", one("version/merge", "10", 1, 1), one("version/merge", "9", 5, 9), "10"},
		{"so of writers' versions", one("version/writer", "2", 1, 1), one("version/writer", "1", 5, 9), "2"},
		{"but not of any other name", one("version/else", "10", 1, 1), one("version/else", "9", 5, 9), "9"},
	} {
		name := c.a.Registers[0].Name
		if got, ok := c.a.Join(c.b).Get(name); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q", c.what, got)
		}
	}
	s := one("name/x", "far", 41, 1).Set(DeviceID{2}, "name/y", "v", false)
	if s.Registers[1].Counter != 42 {
		t.Errorf("counter %d, want one above the largest known", s.Registers[1].Counter)
	}
}

func TestSettingsThatAreMalformed(t *testing.T) {
	reg := func(name, value string) Register { return Register{Name: name, Value: value, Counter: 1} }
	tomb := reg("name/x", "v")
	tomb.Deleted = true
	for what, regs := range map[string][]Register{
		"a name twice":        {reg("a", ""), reg("a", "")},
		"names out of order":  {reg("b", ""), reg("a", "")},
		"no name":             {reg("", "")},
		"a name not UTF-8":    {reg("\xff", "")},
		"a version in words":  {reg("version/merge", "two")},
		"a version with zero": {reg("version/writer", "01")},
		"a deleted version":   {{Name: "version/merge", Deleted: true}},
		"a tag with a slash":  {reg("tag/a/b", "")},
		"a tag with a dash":   {reg("tag/-a", "")},
		"a tag with a bell":   {reg("tag/\a", "")},
		"a long tag":          {reg("tag/"+strings.Repeat("a", MaxTag+1), "")},
		"a long value":        {reg("name/x", strings.Repeat("a", maxValue+1))},
		"tombstone's value":   {tomb},
	} {
		// Encode would refuse some of them: their bytes come from a spare encoder.
		b := appendArray(appendArray(nil, 4), len(regs))
		for _, r := range regs {
			b = appendText(appendArray(b, 4), r.Name)
			if r.Deleted && r.Value == "" {
				b = append(b, cborNull)
			} else {
				b = appendBytes(b, r.Value)
			}
			b = appendBytes(appendUint(b, r.Counter), r.Writer[:])
		}
		b = append(b, 0x80, 0x80, 0x80)
		_, err := DecodeSettings(b, make([]byte, 32))
		if what == "tombstone's value" { // has no bytes at all
			_, err = Settings{Registers: regs}.Encode()
		}
		if err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

func TestSettingsThatNobodyCouldRead(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	for name, s := range map[string]Settings{
		"long value": Settings{}.Set(DeviceID{1}, "name/x", strings.Repeat("a", maxValue+1), false),
		"long name":  Settings{}.Set(DeviceID{1}, strings.Repeat("a", 1000), "", false),
		"bad tag":    Settings{}.Set(DeviceID{1}, "tag/a/b", "", false),
	} {
		b, err := s.Encode()
		if err == nil {
			_, err = DecodeSettings(b, key.Public().(ed25519.PublicKey))
			t.Errorf("%s is written; reading says %v", name, err)
		}
	}
	g := Generation{Tag: [16]byte{1}, Number: 1}
	for i := range MaxDevices {
		g.Members = append(g.Members, Member{Device: DeviceID{byte(i >> 8), byte(i)}})
	}
	copy(g.Sig[:], ed25519.Sign(key, g.signed()))
	b, err := Settings{Generations: []Generation{g}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeSettings(b, key.Public().(ed25519.PublicKey)); err != nil {
		t.Error("a generation of the most devices:", err)
	}
}

func TestTheLargestCounterStillLoses(t *testing.T) {
	s := Settings{Registers: []Register{{Name: "name/x", Value: "stuck", Counter: 1<<64 - 1, Writer: DeviceID{1}}}}
	if v, _ := s.Set(DeviceID{2}, "name/x", "free", false).Get("name/x"); v != "free" {
		t.Error("a register can be locked for ever")
	}
}
