package keyring

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"github.com/tyler-smith/go-bip39"
)

// ErrWords is wrapped by errors about recovery words that are none.
var ErrWords = errors.New("not valid recovery words")

// Secret is a vault's recovery secret.
type Secret [32]byte

// NewSecret returns a random recovery secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails (crypto/rand)
	return s
}

// Words returns the secret as 24 words of the BIP-39 English list, separated
// by single spaces. The last word carries a checksum.
func (s Secret) Words() string {
	w, err := bip39.NewMnemonic(s[:])
	if err != nil { // 32 bytes are always accepted
		panic(fmt.Sprintf("keyring: words of a secret: %v", err))
	}
	return w
}

// ParseWords reads recovery words; case and the white space between them do
// not matter. The error wraps ErrWords and names the first word that is not
// on the list.
func ParseWords(text string) (Secret, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) != 24 {
		return Secret{}, fmt.Errorf("%w: %d words, not 24", ErrWords, len(words))
	}
	for i, w := range words {
		if _, ok := bip39.GetWordIndex(w); !ok {
			return Secret{}, fmt.Errorf("%w: word %d, %q, is not on the list", ErrWords, i+1, w)
		}
	}
	b, err := bip39.EntropyFromMnemonic(strings.Join(words, " "))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: the checksum does not match; a word is wrong or out of place", ErrWords)
	}
	return Secret(b), nil
}

// FourWords returns four words of the BIP-39 list for the first 44 bits of a
// digest: what two people compare when they pair devices.
func FourWords(digest [32]byte) string {
	list := bip39.GetWordList()
	var words []string
	for i := range 4 {
		n := 0
		for bit := i * 11; bit < i*11+11; bit++ {
			n = n<<1 | int(digest[bit/8]>>(7-bit%8)&1)
		}
		words = append(words, list[n])
	}
	return strings.Join(words, " ")
}

// derive is HKDF-SHA-256 over the secret without salt, the label as info.
func (s Secret) derive(label string, n int) []byte {
	b, err := hkdf.Key(sha256.New, s[:], nil, "bsv/1/"+label, n)
	if err != nil { // only for absurd lengths
		panic(fmt.Sprintf("keyring: derive %s: %v", label, err))
	}
	return b
}

// Admission is the key that signs the first devices of a vault and opens new
// generations of its membership.
func (s Secret) Admission() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(s.derive("admission", ed25519.SeedSize))
}

// Recovery is the age identity that opens every ring of the vault.
func (s Secret) Recovery() (*age.X25519Identity, error) { return identity(s.derive("recovery", 32)) }

// Header is the vault's header; it depends on nothing but the secret.
func (s Secret) Header() Header {
	return NewHeader(s.Admission().Public().(ed25519.PublicKey), RecipientOf(s.derive("recovery", 32)))
}

// Keys are the vault's keys as far as the secret alone yields them: epoch 0
// is current.
func (s Secret) Keys() *Keys {
	k := &Keys{Tag: s.Header().Tag, Epochs: map[uint32]Epoch{}}
	copy(k.ID[:], s.derive("id", 32))
	copy(k.Split[:], s.derive("split", 32))
	copy(k.ChunkSeed[:], s.derive("chunker", 32))
	var e Epoch
	copy(e.Data[:], s.derive("epoch/0/data", 32))
	copy(e.Record[:], s.derive("epoch/0/record", 32))
	copy(e.Member[:], s.derive("epoch/0/member", 32))
	copy(e.Rendezvous[:], s.derive("epoch/0/rendezvous", 32))
	k.Epochs[0] = e
	return k
}
