package object

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/keyring"
)

func TestRecordSaysWhatItsDeviceSaid(t *testing.T) {
	var secret keyring.Secret
	keys := secret.Keys()
	dev := keyring.NewDevice(secret.Header())
	o := Outer{Tag: keys.Tag, Device: DeviceID(dev.ID()), Incarnation: 3, Seq: 9, Prev: [32]byte{1}}
	said := Statement{Time: 4, Head: ID{1}, Addresses: []string{"x"}}
	r, err := SealRecord(keys, dev.Signing, o, said)
	if err != nil {
		t.Fatal(err)
	}
	enc := r.Encode()
	back, err := DecodeRecord(enc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := back.Open(keys)
	if err != nil || got.Head != said.Head || got.Time != said.Time || back.Outer != o {
		t.Fatal(got, err)
	}
	for i := range enc {
		bad := bytes.Clone(enc)
		bad[i] ^= 1
		if _, err := DecodeRecord(bad); err == nil {
			t.Fatalf("a flipped bit in byte %d is accepted", i)
		}
	}
}

func TestSealRecordWritesOnlyWhatReads(t *testing.T) {
	var secret keyring.Secret
	keys := secret.Keys()
	dev := keyring.NewDevice(secret.Header())
	o := Outer{Tag: keys.Tag, Device: DeviceID(dev.ID()), Incarnation: 3, Seq: 9}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", i))
	}
	for name, s := range map[string]Statement{
		"many addresses": {Addresses: many}, "long address": {Addresses: []string{strings.Repeat("a", 600)}},
		"seen twice": {Seen: []Seen{{Device: DeviceID{1}}, {Device: DeviceID{1}}}}, "sets out of order": {Acknowledged: [][32]byte{{2}, {1}}},
	} {
		r, err := SealRecord(keys, dev.Signing, o, s)
		if err != nil {
			continue
		}
		if _, err := r.Open(keys); err != nil {
			t.Errorf("%s: sealed, but %v", name, err)
		}
	}
	o.Device = DeviceID{1}
	r, err := SealRecord(keys, dev.Signing, o, Statement{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRecord(r.Encode()); !errors.Is(err, ErrRecord) {
		t.Error("a record in another device's name is accepted", err)
	}
}

// A record opens with the key of its epoch and vault only.
func TestRecordsOfOthers(t *testing.T) {
	var secret keyring.Secret
	other := keyring.Secret{1}
	keys := secret.Keys()
	dev := keyring.NewDevice(secret.Header())
	o := Outer{Tag: keys.Tag, Device: DeviceID(dev.ID()), Incarnation: 3, Seq: 9}
	r, err := SealRecord(keys, dev.Signing, o, Statement{Time: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(other.Keys()); !errors.Is(err, ErrRecord) {
		t.Error("another vault's keys:", err)
	}
	wrong := *keys
	wrong.Epochs = map[uint32]keyring.Epoch{0: {}}
	if _, err := r.Open(&wrong); !errors.Is(err, keyring.ErrSealed) {
		t.Error("the wrong key:", err)
	}
	wrong.Epochs = map[uint32]keyring.Epoch{1: {}}
	if _, err := r.Open(&wrong); err == nil {
		t.Error("an epoch without a key")
	}
	moved := r
	moved.Seq++ // the outer part is bound to the sealed one, whoever signs again
	if _, err := moved.Open(keys); !errors.Is(err, keyring.ErrSealed) {
		t.Error("another outer part:", err)
	}
	o.Epoch = 7
	if _, err := SealRecord(keys, dev.Signing, o, Statement{}); err == nil {
		t.Error("sealed for an epoch without a key")
	}
}

func TestRecordFile(t *testing.T) {
	r := Record{Outer: Outer{Device: DeviceID{0xab}, Incarnation: 1<<32 | 5, Seq: 17}}
	d := r.Digest()
	if want := fmt.Sprintf("ab%s/0000000100000005-0000000000000011-%x", strings.Repeat("00", 31), d[:16]); r.File() != want {
		t.Errorf("%s, want %s", r.File(), want)
	}
}
