package object

import (
	"crypto/ed25519"
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/bsvsync/bsv/keyring"
	"pgregory.net/rapid"
)

// Who is a member depends on the set of admissions alone: exactly those whom
// a path of admissions reaches from the admission key, and each chain given
// verifies.
func TestMembersAreThoseWithAChain(t *testing.T) {
	var secret keyring.Secret
	h := secret.Header()
	keys := make([]ed25519.PrivateKey, 8)
	for i := range keys {
		keys[i] = ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i)))
	}
	id := func(i int) DeviceID { return DeviceID(keys[i].Public().(ed25519.PublicKey)) }
	rapid.Check(t, func(t *rapid.T) {
		var set []Admission
		reached := map[DeviceID]bool{}
		edges := map[int][]int{}
		for range rapid.IntRange(0, 14).Draw(t, "admissions") {
			by, to := rapid.IntRange(-1, len(keys)-1).Draw(t, "admitter"), rapid.IntRange(0, len(keys)-1).Draw(t, "device")
			key, tag, gen := secret.Admission(), h.Tag, uint32(0)
			if by >= 0 {
				key = keys[by]
			}
			switch rapid.IntRange(0, 9).Draw(t, "of") {
			case 0:
				tag[0]++
			case 1:
				gen = 1
			default:
				edges[by] = append(edges[by], to)
			}
			set = append(set, Admit(tag, gen, id(to), [32]byte{rapid.ByteRange(1, 3).Draw(t, "wrapping")}, key))
		}
		queue := []int{-1}
		for len(queue) > 0 {
			for _, to := range edges[queue[0]] {
				if !reached[id(to)] {
					reached[id(to)] = true
					queue = append(queue, to)
				}
			}
			queue = queue[1:]
		}
		m := Members(set, h.Tag, 0, h.Admission)
		if len(m) != len(reached) {
			t.Fatalf("%d members, want %d", len(m), len(reached))
		}
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		again := Members(set, h.Tag, 0, h.Admission)
		for d, chain := range m {
			if !reached[d] || chain[len(chain)-1].Device != d {
				t.Fatal("a stranger is a member")
			}
			if _, err := DecodeChain(EncodeChain(chain), h.Tag, h.Admission); err != nil {
				t.Fatal(err)
			}
			if string(EncodeChain(again[d])) != string(EncodeChain(chain)) {
				t.Fatal("the order of admissions matters")
			}
		}
		if !maps.EqualFunc(m, again, func(a, b []Admission) bool { return len(a) == len(b) }) {
			t.Fatal("the order of admissions matters")
		}
	})
}

func TestChainsHaveALimit(t *testing.T) {
	var secret keyring.Secret
	h := secret.Header()
	by := secret.Admission()
	var chain []Admission
	for i := range maxChain + 1 {
		next := ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i)))
		chain = append(chain, Admit(h.Tag, 0, DeviceID(next.Public().(ed25519.PublicKey)), [32]byte{}, by))
		by = next
	}
	if _, err := DecodeChain(EncodeChain(chain[:maxChain]), h.Tag, h.Admission); err != nil {
		t.Error(err)
	}
	if _, err := DecodeChain(EncodeChain(chain), h.Tag, h.Admission); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if m := Members(chain, h.Tag, 0, h.Admission); len(m) != maxChain {
		t.Errorf("%d members", len(m))
	}
}

func TestChainsThatBreak(t *testing.T) {
	var secret keyring.Secret
	h := secret.Header()
	a, b, evil := keyring.NewDevice(h), keyring.NewDevice(h), keyring.NewDevice(h)
	first := Admit(h.Tag, 0, DeviceID(a.ID()), a.Recipient(), secret.Admission())
	second := Admit(h.Tag, 0, DeviceID(b.ID()), b.Recipient(), a.Signing)
	forged := Admit(h.Tag, 0, DeviceID(evil.ID()), evil.Recipient(), evil.Signing)
	if _, err := DecodeChain(EncodeChain([]Admission{first, second}), h.Tag, h.Admission); err != nil {
		t.Fatal(err)
	}
	other, next := first, Admit(h.Tag, 1, DeviceID(b.ID()), b.Recipient(), a.Signing)
	other.Tag[0]++
	for name, c := range map[string][]Admission{"of another vault": {other}, "of two generations": {first, next}, "empty": {}, "without its beginning": {second}, "forged": {first, forged}, "self-made": {forged}, "backwards": {second, first}} {
		if _, err := DecodeChain(EncodeChain(c), h.Tag, h.Admission); err == nil {
			t.Errorf("a chain that is %s is accepted", name)
		}
	}
	m := Members([]Admission{forged, second, first}, h.Tag, 0, h.Admission)
	if len(m) != 2 || m[DeviceID(evil.ID())] != nil {
		t.Errorf("%d members", len(m))
	}
}
