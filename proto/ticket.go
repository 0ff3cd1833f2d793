package proto

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Ticket is what an inviting device hands to a joining one, out of band.
type Ticket struct {
	Inviter [32]byte // device id
	Secret  [16]byte // one time
	Expires time.Time
	Role    string
	Tag     [16]byte // of the vault
	Addrs   []string // multiaddrs, at most 4
}

// Errors of tickets.
var (
	ErrTicket  = errors.New("not a valid ticket")
	ErrExpired = errors.New("the ticket has expired")
)

const (
	ticketPrefix  = "bsv1"
	ticketVersion = 1
	maxAddrs      = 4
	maxTicket     = 2048
)

func ticketEncoding() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// NewTicket makes a ticket with a random secret.
func NewTicket(inviter [32]byte, tag [16]byte, role string, expires time.Time, addrs []string) Ticket {
	t := Ticket{Inviter: inviter, Expires: expires.Truncate(time.Second), Role: role, Tag: tag, Addrs: addrs[:min(len(addrs), maxAddrs)]}
	rand.Read(t.Secret[:])
	return t
}

// String is the ticket's text: bsv1 and base32 of version, inviter, secret,
// expiry, role, tag, addresses and a checksum.
func (t Ticket) String() string {
	b := []byte{ticketVersion}
	b = append(b, t.Inviter[:]...)
	b = append(b, t.Secret[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Expires.Unix()))
	b = append(b, byte(len(t.Role)))
	b = append(b, t.Role...)
	b = append(b, t.Tag[:]...)
	b = append(b, byte(len(t.Addrs)))
	for _, a := range t.Addrs {
		b = append(b, byte(len(a)))
		b = append(b, a...)
	}
	sum := sha256.Sum256(b)
	return ticketPrefix + ticketEncoding().EncodeToString(append(b, sum[:4]...))
}

// ParseTicket reads a ticket. The error wraps ErrTicket; a mistyped one fails
// its checksum.
func ParseTicket(s string) (Ticket, error) {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	rest, ok := strings.CutPrefix(s, ticketPrefix)
	if !ok || len(s) > maxTicket {
		return Ticket{}, fmt.Errorf("%w: it begins with %q", ErrTicket, ticketPrefix)
	}
	b, err := ticketEncoding().DecodeString(rest)
	if err != nil || len(b) < 5 {
		return Ticket{}, fmt.Errorf("%w: a character is wrong or missing", ErrTicket)
	}
	body, sum := b[:len(b)-4], sha256.Sum256(b[:len(b)-4])
	if !hmac.Equal(sum[:4], b[len(b)-4:]) {
		return Ticket{}, fmt.Errorf("%w: a character is wrong or missing (checksum)", ErrTicket)
	}
	if body[0] != ticketVersion {
		return Ticket{}, fmt.Errorf("%w: made by a newer bsv", ErrTicket)
	}
	r := &reader{b: body[1:]}
	var t Ticket
	copy(t.Inviter[:], r.take(32))
	copy(t.Secret[:], r.take(16))
	t.Expires = time.Unix(int64(binary.BigEndian.Uint64(r.take(8))), 0)
	t.Role = string(r.take(int(r.take(1)[0])))
	copy(t.Tag[:], r.take(16))
	n := int(r.take(1)[0])
	for range min(n, maxAddrs) {
		t.Addrs = append(t.Addrs, string(r.take(int(r.take(1)[0]))))
	}
	if r.bad || len(r.b) != 0 || n > maxAddrs {
		return Ticket{}, fmt.Errorf("%w: wrong length", ErrTicket)
	}
	return t, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad = true
		r.b = nil
		return make([]byte, max(n, 1))
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// PairMAC proves the knowledge of a ticket's secret in one direction.
func PairMAC(secret [16]byte, who string, joiner, inviter [32]byte, nj, ni, wrapping []byte) []byte {
	m := hmac.New(sha256.New, secret[:])
	m.Write([]byte("bsv/pair/1/" + who))
	for _, p := range [][]byte{joiner[:], inviter[:], nj, ni, wrapping} {
		m.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		m.Write(p)
	}
	return m.Sum(nil)
}

// PairDigest is what both screens show four words of: it commits to both ids
// and to nonces that neither side could choose after it saw the other's.
func PairDigest(joiner, approver [32]byte, nj, na []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("bsv/pair/1/words"))
	h.Write(joiner[:])
	h.Write(approver[:])
	h.Write(nj)
	h.Write(na)
	return [32]byte(h.Sum(nil))
}
