package node

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/bsvsync/bsv/internal/event"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
	"github.com/bsvsync/bsv/repo"
)

// pairing is the one protocol that a stranger reaches.
type pairing struct {
	n    *Node
	net  Network
	slot chan struct{} // connections of strangers

	mu      sync.Mutex
	invites []*invite
	pending map[object.DeviceID]*request
	last    map[string]time.Time // by address: when the newest attempt has its turn
	asking  *asking              // our own request to another device
	joined  chan object.DeviceID
}

// invite is an open ticket; the first device that proves itself owns it.
type invite struct {
	t     proto.Ticket
	bound object.DeviceID
}

// request is a device that asks without a ticket.
type request struct {
	id       object.DeviceID
	wrapping [32]byte
	name     string
	words    string
	since    time.Time
	place    string // the address it comes from
	answer   chan bool
	done     chan error // whether it was admitted, once it was approved
}

// asking is this device's own request, waiting for its answer.
type asking struct {
	id   object.DeviceID
	dev  keyring.Device
	conn *proto.Conn
	name string
	as   string // the name under which the other one is remembered
	addr string
}

const (
	maxConnections = 4
	maxPerPlace    = 2 // requests that wait, from one address
	maxPlaces      = 4096
	maxInvites     = 16
	attemptEvery   = time.Second
	nonceLen       = 32
	maxPeerName    = 255
)

func newPairing(n *Node, net Network) *pairing {
	return &pairing{n: n, net: net, slot: make(chan struct{}, maxConnections), pending: map[object.DeviceID]*request{}, last: map[string]time.Time{}, joined: make(chan object.DeviceID, 16)}
}

var errSilence = errors.New("not authorised")

// place is where a device is, as far as one machine can tell another: the
// first part of its address, without its port.
func (p *pairing) place(id object.DeviceID) string {
	parts := strings.SplitN(p.net.Path(id), "/", 4)
	return strings.Join(parts[:min(3, len(parts))], "/")
}

// turn waits until an address may make its next attempt. One that does not
// wait for its turn is refused, so that it cannot take the slots of others.
func (p *pairing) turn(ctx context.Context, place string) error {
	p.mu.Lock()
	now := time.Now()
	for k, t := range p.last {
		if now.Sub(t) > attemptEvery {
			delete(p.last, k)
		}
	}
	if len(p.last) >= maxPlaces {
		p.mu.Unlock()
		return errSilence
	}
	wait := attemptEvery - now.Sub(p.last[place])
	if p.last[place].IsZero() {
		wait = 0
	}
	if wait > attemptEvery {
		p.mu.Unlock()
		return errSilence
	}
	p.last[place] = now.Add(max(wait, 0))
	p.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// accept talks to a stranger. Whatever fails ends in the same silence.
func (p *pairing) accept(ctx context.Context, from object.DeviceID, st proto.Stream) {
	err := p.turn(ctx, p.place(from))
	if err == nil {
		err = p.inSlot(ctx, from, st)
	}
	if err != nil {
		p.n.log.Debug("pairing", "peer", from.String(), "err", err)
		_ = st.Reset() // the stream is given up either way
		return
	}
	_ = st.Close() // everything was said
}

// inSlot talks in one of the few slots of strangers.
func (p *pairing) inSlot(ctx context.Context, from object.DeviceID, st proto.Stream) error {
	select {
	case p.slot <- struct{}{}:
	default:
		return errSilence // too many at once: nothing is owed to strangers
	}
	release := sync.OnceFunc(func() { <-p.slot })
	defer release()
	return p.talk(ctx, from, st, release)
}

func (p *pairing) talk(ctx context.Context, from object.DeviceID, st proto.Stream, release func()) error {
	if err := st.SetDeadline(time.Now().Add(proto.Handshake)); err != nil {
		return err
	}
	c := proto.NewConn(st)
	var ask proto.PairAsk
	if err := c.Receive(&ask, proto.MaxStranger); err != nil {
		return err
	}
	if len(ask.GetWrapping()) != 32 || len(ask.GetName()) > maxPeerName {
		return proto.ErrViolation
	}
	nonce := make([]byte, nonceLen)
	rand.Read(nonce)
	if err := c.Send(&proto.PairNonce{Nonce: nonce}, proto.MaxStranger); err != nil {
		return err
	}
	var proof proto.PairProof
	if err := c.Receive(&proof, proto.MaxStranger); err != nil {
		return err
	}
	v, err := p.n.open()
	if err != nil {
		return err
	}
	if len(ask.GetNonce()) == nonceLen {
		return p.withTicket(ctx, v, from, c, &ask, &proof, nonce)
	}
	sum := sha256.Sum256(proof.GetNonce())
	if len(proof.GetNonce()) != nonceLen || !hmac.Equal(sum[:], ask.GetCommit()) {
		return proto.ErrViolation
	}
	release() // it waits for a person: others may talk meanwhile
	return p.withWords(ctx, v, from, c, &ask, keyring.FourWords(proto.PairDigest(from, v.id, proof.GetNonce(), nonce)))
}

func (p *pairing) withTicket(ctx context.Context, v *vault, from object.DeviceID, c *proto.Conn, ask *proto.PairAsk, proof *proto.PairProof, nonce []byte) error {
	var found *invite
	p.mu.Lock()
	for _, i := range p.invites {
		want := proto.PairMAC(i.t.Secret, "joiner", from, v.id, ask.GetNonce(), nonce, ask.GetWrapping())
		if hmac.Equal(want, proof.GetMac()) && p.n.now().Before(i.t.Expires) && (i.bound.IsZero() || i.bound == from) {
			i.bound = from
			found = i
			break
		}
	}
	p.mu.Unlock()
	if found == nil { // only slowed down: closing the invite would let a neighbour deny it
		select {
		case <-time.After(attemptEvery):
		case <-ctx.Done():
		}
		p.n.log.Debug("a ticket that opens no invite", "peer", from.String())
		// No error: the stream is closed then, not reset, which could overtake
		// the answer.
		return c.Send(&proto.PairAccept{Error: "not authorised"}, proto.MaxStranger)
	}
	return p.admit(ctx, v, from, [32]byte(ask.GetWrapping()), ask.GetName(), c,
		proto.PairMAC(found.t.Secret, "inviter", from, v.id, ask.GetNonce(), nonce, ask.GetWrapping()))
}

// admit makes a device a member and gives it what it needs.
func (p *pairing) admit(ctx context.Context, v *vault, id object.DeviceID, wrapping [32]byte, name string, c *proto.Conn, mac []byte) error {
	chain, ring, err := p.n.admit(ctx, v, id, wrapping, name)
	if err != nil {
		return err
	}
	m := &proto.PairAccept{Mac: mac, Header: v.header.Encode(), Chain: object.EncodeChain(chain), Ring: ring.Encode(), Addrs: p.net.Addrs()}
	if err := c.SetDeadline(time.Now().Add(proto.Handshake)); err != nil {
		return err
	}
	if err := c.Send(m, proto.MaxAccept); err != nil {
		return err
	}
	p.n.Bus.Publish(event.Event{Kind: event.Pairing, Device: id.String(), Message: "joined"})
	select {
	case p.joined <- id:
	default:
	}
	return nil
}

func (n *Node) admit(ctx context.Context, v *vault, id object.DeviceID, wrapping [32]byte, name string) ([]object.Admission, *keyring.Ring, error) {
	n.work.Lock()
	defer n.work.Unlock()
	members := v.view.memberChains()
	if len(members[v.id]) == 0 {
		return nil, nil, fmt.Errorf("admit: %w: this device has no chain", object.ErrAdmission)
	}
	adm := object.Admit(v.header.Tag, 0, id, wrapping, v.dev.Signing) // asked again, because the answer was lost, it is the same
	chain := append(slices.Clone(members[v.id]), adm)
	to := slices.DeleteFunc(v.view.wrappings(), func(k [32]byte) bool { return k == wrapping })
	to = append([][32]byte{wrapping}, to[:min(len(to), keyring.MaxRecipients-1)]...) // the others have their own
	ring, err := keyring.SealRing(v.keys, v.header, to, v.dev.Signing, object.EncodeChain(members[v.id]))
	if err != nil {
		return nil, nil, err
	}
	if err := repo.PutRing(v.repo.Backend(), ring); err != nil {
		return nil, nil, err
	}
	if s := n.syncer(); s != nil {
		s.ringsChanged()
	}
	v.view.join(object.Settings{}.Admit(adm))
	if !v.view.isMember(id) { // others would not know it
		return nil, nil, fail(Failed, "bsv peers", "the vault has as many devices as it can hold: %s was not admitted", id)
	}
	if name != "" {
		v.view.join(v.view.set(v.id, "name/"+id.String(), name, false))
	}
	if err := n.publish(ctx, v, object.ID{}); err != nil {
		return nil, nil, err
	}
	n.changed()
	return chain, ring, nil
}

// wrappings are the keys to which rings are wrapped: all that members were
// admitted with, for a device that was admitted twice may hold either.
func (w *view) wrappings() [][32]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out [][32]byte
	for _, a := range w.settings.Admissions {
		_, member := w.members[a.Device]
		_, by := w.members[object.DeviceID(a.Admitter)]
		if member && (by || a.Admitter == [32]byte(w.v.header.Admission)) && !slices.Contains(out, a.Wrapping) {
			out = append(out, a.Wrapping)
		}
	}
	return out
}

// withWords waits for a person who compares four words.
func (p *pairing) withWords(ctx context.Context, v *vault, from object.DeviceID, c *proto.Conn, ask *proto.PairAsk, words string) error {
	r := &request{id: from, wrapping: [32]byte(ask.GetWrapping()), name: legible(ask.GetName()), words: words, since: time.Now(), place: p.place(from), answer: make(chan bool, 1), done: make(chan error, 1)}
	p.mu.Lock()
	p.expire()
	if old := p.pending[from]; old != nil {
		delete(p.pending, from)
		old.answer <- false
	}
	near := 0
	for _, o := range p.pending {
		if o.place == r.place {
			near++
		}
	}
	if len(p.pending) >= proto.MaxPending || near >= maxPerPlace {
		p.mu.Unlock()
		return errSilence
	}
	p.pending[from] = r
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		if p.pending[from] == r {
			delete(p.pending, from)
		}
		p.mu.Unlock()
	}()
	p.n.Bus.Publish(event.Event{Kind: event.Pairing, Device: from.String(), Message: "asks to join: " + words})
	p.n.hearsay.warn(p.n.log, "a device asks to join: compare the words, then: bsv peers approve", "device", from.String(), "words", words)
	if err := c.SetDeadline(time.Now().Add(proto.PairWait)); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() { // ends when the asking side goes away or the answer is sent
		var m proto.PairProof
		_ = c.Receive(&m, proto.MaxStranger) // nothing more is expected: any end is an end
		close(gone)
	}()
	select {
	case yes := <-r.answer:
		if !yes {
			return errSilence
		}
		select {
		case <-gone: // a moment before
			r.done <- errGone
			return errSilence
		default:
		}
		err := p.admit(ctx, v, from, r.wrapping, r.name, c, nil)
		r.done <- err
		return err
	case <-gone:
		r.done <- errGone
		return errSilence
	case <-time.After(proto.PairWait):
		return errSilence
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errGone = errors.New("the device that asked has gone away")

// expire drops the requests that waited too long. The caller holds mu.
func (p *pairing) expire() {
	for id, q := range p.pending {
		if time.Since(q.since) >= proto.PairWait {
			delete(p.pending, id)
		}
	}
}

// legible is a name that somebody else chose, fit for a terminal.
func legible(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
}

// waiting lists the devices that ask.
func (p *pairing) waiting() []PeerInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	var out []PeerInfo
	for _, r := range p.pending {
		out = append(out, PeerInfo{ID: r.id.String(), Name: r.name, State: "waiting", Words: r.words, LastSeen: stamp(r.since.UnixNano())})
	}
	return out
}
