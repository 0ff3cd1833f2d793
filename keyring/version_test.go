package keyring

import (
	"errors"
	"testing"
)

// Only a whole line with a higher number is of a newer bsv: anything else is
// damage.
func TestNewerIsAWholeLine(t *testing.T) {
	for line, newer := range map[string]bool{
		"bsv vault 2\n": true, "bsv vault 10\nmore": true,
		"bsv vault 1\n": false, "bsv vault 0\n": false, "bsv vault 02\n": false, "bsv vault 2": false, "bsv vault 2 \n": false,
		"bsv vault q\n": false, "bsv vault \n": false, "bsv vault +2\n": false, "bsv vault 99999999999\n": false, "bsv vaulT 2\n": false,
	} {
		if _, err := DecodeHeader([]byte(line)); errors.Is(err, ErrNewer) != newer || err == nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	whole := NewSecret().Header().Encode()
	for i := range 8 * len(headerMagic) {
		whole[i/8] ^= 1 << (i % 8)
		if _, err := DecodeHeader(whole); !errors.Is(err, ErrHeader) || errors.Is(err, ErrNewer) {
			t.Errorf("bit %d flipped: %v", i, err)
		}
		whole[i/8] ^= 1 << (i % 8)
	}
}
