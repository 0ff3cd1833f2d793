package object

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
)

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
