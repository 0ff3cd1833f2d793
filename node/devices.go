package node

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// Identity is the key that the network proves: the device's, or in a fresh
// home the one that it will have.
func (n *Node) Identity() ed25519.PrivateKey {
	if v, err := n.open(); err == nil {
		return v.dev.Signing
	}
	n.vaultMu.Lock()
	defer n.vaultMu.Unlock()
	if n.fresh == nil {
		d := keyring.NewDevice(keyring.Header{})
		n.fresh = &d
	}
	return n.fresh.Signing
}

// InviteRequest is bsv invite.
type InviteRequest struct {
	Role    string        `json:"role,omitempty"`
	Expires time.Duration `json:"expires,omitempty"`
}

// InviteResult is a ticket.
type InviteResult struct {
	Ticket  string `json:"ticket"`
	Expires string `json:"expires"`
}

// Invite opens an invite and returns its ticket.
func (n *Node) Invite(_ context.Context, r InviteRequest) (InviteResult, error) {
	v, err := n.openToChange()
	if err != nil {
		return InviteResult{}, err
	}
	if r.Role != "" && r.Role != "full" {
		return InviteResult{}, fail(Usage, "bsv invite", "role %q is not built yet", r.Role)
	}
	p := n.pairings()
	if p == nil {
		return InviteResult{}, fail(Failed, "bsv node", "the network is not running")
	}
	if r.Expires <= 0 {
		r.Expires = time.Hour
	}
	t := proto.NewTicket(v.id, v.header.Tag, "full", n.now().Add(r.Expires), p.net.Addrs())
	p.mu.Lock()
	p.invites = append(p.invites, &invite{t: t})
	if len(p.invites) > maxInvites {
		p.invites = p.invites[1:]
	}
	p.mu.Unlock()
	return InviteResult{t.String(), t.Expires.UTC().Format(time.RFC3339)}, nil
}

// Wait returns when a device has joined by an invite and has fetched what
// there is.
func (n *Node) Wait(ctx context.Context) error {
	p, s := n.pairings(), n.syncer()
	if p == nil || s == nil {
		return nil
	}
	var id object.DeviceID
	select {
	case id = <-p.joined:
	case <-ctx.Done():
		return ctx.Err()
	}
	v, err := n.open()
	if err != nil {
		return err
	}
	end := time.Now().Add(time.Minute)
	for time.Now().Before(end) {
		heads, _, err := v.view.H(ctx)
		if err != nil {
			return err
		}
		if x := s.session(id); x != nil && x.hasAcked(heads) {
			_, known := v.view.newest(id)
			if known {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// CheckTicket says what is wrong with a ticket before anything is tried.
func CheckTicket(s string) error {
	t, err := proto.ParseTicket(s)
	if err != nil {
		return &Error{Kind: Usage, Msg: err.Error(), Hint: "copy the ticket again: bsv invite prints it", Err: err}
	}
	if time.Now().After(t.Expires) {
		return &Error{Kind: NotAuthorised, Msg: fmt.Sprintf("the ticket expired at %s", LocalTime(t.Expires)), Hint: "make a new one: bsv invite; if it is new, set the clock of this device", Err: proto.ErrExpired}
	}
	return nil
}

// transports are what the multiaddrs of devices begin with.
var transports = []string{"ip4", "ip6", "ip6zone", "dns", "dns4", "dns6", "dnsaddr", "p2p"}

// CheckAddr reads the device id of a multiaddr.
func CheckAddr(addr string) (object.DeviceID, error) {
	hint := "while its node runs, bsv info prints a device's addresses, each ending in /p2p/ID"
	_, id, ok := strings.Cut(addr, "/p2p/")
	first, _, _ := strings.Cut(strings.TrimPrefix(addr, "/"), "/")
	switch {
	case strings.Contains(addr, "://"):
		return object.DeviceID{}, fail(Usage, hint, "%q: repositories at a URL are not built yet, only other devices", addr)
	case !strings.HasPrefix(addr, "/"):
		return object.DeviceID{}, fail(Usage, hint, "%q is no multiaddr", addr)
	case !ok && !slices.Contains(transports, first):
		return object.DeviceID{}, fail(Usage, hint, "%s: repositories in a directory are not built yet, only other devices", addr)
	case !ok:
		return object.DeviceID{}, fail(Usage, hint, "%s does not say which device is meant: /p2p/ID is missing", addr)
	}
	d, err := object.ParseDeviceID(id)
	if err != nil {
		return d, fail(Usage, hint, "%s: %v", addr, err)
	}
	return d, nil
}

// JoinRequest is bsv join TICKET.
type JoinRequest struct {
	Ticket string   `json:"ticket"`
	Maps   []string `json:"maps,omitempty"`
	Yes    bool     `json:"yes,omitempty"`
	Name   string   `json:"name,omitempty"`
}

// JoinResult is what joining did.
type JoinResult struct {
	Device   string    `json:"device"`
	Vault    string    `json:"vault"`
	SetAside string    `json:"set_aside,omitempty"`
	Maps     []MapInfo `json:"maps"`
	State    string    `json:"state"`
}

// Consent is the hint of the error that something needs a person's yes.
const Consent = "if that is meant: add -y"

// mayJoin says whether this home can join another vault, and with which keys.
func (n *Node) mayJoin(ctx context.Context, yes bool) (keyring.Device, error) {
	v, err := n.openToChange()
	if errors.Is(err, home.ErrNoHome) {
		n.Identity()
		n.vaultMu.RLock()
		defer n.vaultMu.RUnlock()
		return *n.fresh, nil
	}
	if err != nil {
		return keyring.Device{}, err
	}
	if len(v.view.memberChains()) > 1 {
		return keyring.Device{}, fail(Usage, "use another home: bsv --home DIR join …", "this device's vault has other devices: it cannot join another one")
	}
	heads, _, err := v.view.H(ctx)
	if err != nil {
		return keyring.Device{}, err
	}
	if len(heads) > 0 && !yes {
		return keyring.Device{}, fail(Usage, Consent, "this device has a vault of its own: joining sets its history aside and unites its files with the joined vault's")
	}
	return v.dev, nil
}

// Join is bsv join TICKET.
func (n *Node) Join(ctx context.Context, r JoinRequest) (JoinResult, error) {
	if err := CheckTicket(r.Ticket); err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	t, err := proto.ParseTicket(r.Ticket)
	if err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	if err := n.checkMaps(r.Maps); err != nil { // once it is admitted it is too late
		return JoinResult{Maps: []MapInfo{}}, err
	}
	if err := n.mayBeNamed(r.Name); err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	if v, err := n.open(); err == nil && v.header.Tag == t.Tag {
		if err := n.renamed(ctx, v, r.Name); err != nil {
			return JoinResult{Maps: []MapInfo{}}, err
		}
		return n.afterJoin(ctx, t.Inviter, "", t.Addrs, r.Maps, "") // it is a member: connect and map
	}
	dev, err := n.mayJoin(ctx, r.Yes)
	if err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	if !n.HasVault() {
		if _, err := n.mustClear(t.Tag, false); err != nil {
			return JoinResult{Maps: []MapInfo{}}, err
		}
	}
	net := n.network()
	if net == nil {
		return JoinResult{Maps: []MapInfo{}}, fail(Failed, "", "the network is not running")
	}
	name := n.deviceName(r.Name)
	acc, err := joinByTicket(ctx, net, t, dev, name)
	if err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	aside, err := n.enter(ctx, dev, acc, name, func(h keyring.Header) error {
		if h.Tag != t.Tag {
			return fail(NotAuthorised, "make a new ticket: bsv invite", "the other device answered for another vault than the ticket's")
		}
		return nil
	})
	if err != nil {
		return JoinResult{Maps: []MapInfo{}}, err
	}
	return n.afterJoin(ctx, t.Inviter, "", append(t.Addrs, acc.GetAddrs()...), r.Maps, aside)
}

func unreachable(err error) error {
	return &Error{Kind: Unreachable, Msg: "the other device does not answer", Hint: "is bsv node (or bsv invite) running there, and are both in one network?", Err: err}
}

// joinTries is how often a device that was reached is asked: it may have no
// slot for strangers free, or let this address wait.
const joinTries = 5

// joinByTicket proves the knowledge of the ticket, first, and checks the
// answer's proof.
func joinByTicket(ctx context.Context, net Network, t proto.Ticket, dev keyring.Device, name string) (*proto.PairAccept, error) {
	for try := 1; ; try++ {
		dial, cancel := context.WithTimeout(ctx, 2*proto.Handshake)
		st, err := net.Dial(dial, t.Inviter, proto.PairProtocol, t.Addrs)
		cancel()
		if err != nil {
			return nil, unreachable(err)
		}
		acc, err := proveTicket(ctx, st, t, dev, name)
		var told *Error
		if err == nil || errors.As(err, &told) {
			return acc, err
		}
		if try == joinTries {
			return nil, unreachable(err)
		}
		select {
		case <-time.After(attemptEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func proveTicket(ctx context.Context, st proto.Stream, t proto.Ticket, dev keyring.Device, name string) (*proto.PairAccept, error) {
	defer st.Close()
	if err := st.SetDeadline(time.Now().Add(2 * proto.Handshake)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() }) // whoever waits is told
	defer stop()
	c := proto.NewConn(st)
	nj := make([]byte, nonceLen)
	rand.Read(nj)
	w := dev.Recipient()
	var ni proto.PairNonce
	err := c.Send(&proto.PairAsk{Wrapping: w[:], Name: name, Nonce: nj}, proto.MaxStranger)
	if err == nil {
		err = c.Receive(&ni, proto.MaxStranger)
	}
	if err == nil {
		err = c.Send(&proto.PairProof{Mac: proto.PairMAC(t.Secret, "joiner", dev.ID(), t.Inviter, nj, ni.GetNonce(), w[:])}, proto.MaxStranger)
	}
	var acc proto.PairAccept
	if err == nil {
		err = c.Receive(&acc, proto.MaxAccept)
	}
	if err != nil {
		return nil, err
	}
	if acc.GetError() != "" || !hmac.Equal(acc.GetMac(), proto.PairMAC(t.Secret, "inviter", dev.ID(), t.Inviter, nj, ni.GetNonce(), w[:])) {
		return nil, fail(NotAuthorised, "the invite may have ended: make a new one with bsv invite", "the other device did not accept the ticket")
	}
	return &acc, nil
}

// enter makes the joined vault this home's own.
func (n *Node) enter(ctx context.Context, dev keyring.Device, acc *proto.PairAccept, name string, check func(keyring.Header) error) (was string, err error) {
	h, err := keyring.DecodeHeader(acc.GetHeader())
	if err != nil {
		return "", err
	}
	if err := check(h); err != nil {
		return "", err
	}
	chain, err := object.DecodeChain(acc.GetChain(), h.Tag, h.Admission)
	if err != nil {
		return "", err
	}
	if last := chain[len(chain)-1]; last.Device != object.DeviceID(dev.ID()) || last.Wrapping != dev.Recipient() {
		return "", fmt.Errorf("%w: the answer admits another device", object.ErrAdmission)
	}
	ring, err := keyring.DecodeRing(acc.GetRing())
	if err == nil {
		err = checkSigner(ring, h)
	}
	if err != nil {
		return "", err
	}
	dev.Tag, dev.Admission = h.Tag, h.Admission
	if _, err := ring.OpenDevice(dev); err != nil {
		return "", err
	}
	n.work.Lock()
	defer n.work.Unlock()
	n.vaultMu.Lock()
	old := n.vault
	n.vault = nil
	n.vaultMu.Unlock()
	if old != nil {
		if err := old.repo.Close(); err != nil {
			return "", err
		}
		if was, err = n.home.SetAside(aside(old.header.Tag)); err != nil {
			return "", err
		}
	} else if err := n.makeRoom(h.Tag, false); err != nil {
		return "", err
	}
	clear(n.written) // the new vault has none of it
	if err := n.home.State().Reset(); err != nil {
		return "", err
	}
	v, err := n.found(ctx, dev, h, ring, object.Settings{}.Admit(chain...), name)
	if err != nil {
		return "", err
	}
	n.vaultMu.Lock()
	n.vault = v
	n.vaultMu.Unlock()
	return was, nil
}

// afterJoin fetches what there is, maps directories and fills them. The inviter
// is remembered under a name, or else one made of its id.
func (n *Node) afterJoin(ctx context.Context, inviter object.DeviceID, as string, addrs, maps []string, aside string) (JoinResult, error) {
	res := JoinResult{Maps: []MapInfo{}, SetAside: aside}
	v, err := n.open()
	if err != nil {
		return res, err
	}
	res.Device, res.Vault = v.id.String(), fmt.Sprintf("%x", v.header.Tag)
	if len(addrs) > 0 {
		if err := n.remember(home.Peer{Name: cmp.Or(as, shortDevice(inviter)), Device: inviter.String(), Addrs: addrs[:min(len(addrs), 8)]}); err != nil {
			return res, err
		}
	}
	n.members()
	if s := n.syncer(); s != nil {
		if err := s.exchange(ctx, v, target{id: inviter, name: inviter.String(), addrs: addrs}); err != nil {
			n.log.Warn("joined, but the first exchange failed: the node goes on with it", "err", err)
		}
	}
	n.work.Lock()
	for _, m := range maps {
		if err := n.mapArg(ctx, v, m); err != nil {
			n.work.Unlock()
			n.mapsChanged() // those before it
			return res, joinedBut(m, err)
		}
	}
	_, err = n.takeSnapshot(ctx, v, "", nil, nil)
	if err == nil {
		_, err = n.applyState(ctx, v, false)
	}
	n.work.Unlock()
	if err != nil {
		return res, err
	}
	n.mapsChanged()
	l, err := n.MapList(ctx)
	if err != nil {
		return res, err
	}
	res.Maps = l.Maps
	st, err := n.Status(ctx)
	res.State = st.State
	return res, err
}

// joinedBut is the error that a device is a member, and something could not be
// mapped: the ticket is used up, and mapping goes on without it.
func joinedBut(arg string, err error) error {
	e := Explain(err)
	hint := "bsv map add VPATH " + quote(arg)
	if vpath, dir, named := splitMap(arg); named {
		hint = "bsv map add " + quote(vpath) + " " + quote(dir)
	}
	switch {
	case strings.HasPrefix(e.Hint, "bsv map add "):
		hint = e.Hint
	case e.Hint != "":
		hint = e.Hint + "; then: " + hint
	}
	return &Error{Kind: e.Kind, Msg: "this device is a member of the vault now; not mapped: " + e.Msg, Hint: hint + "; then: bsv node", Err: err}
}

// mapArg maps VPATH=DIR, or a plain DIR as the vault's only unmapped
// directory.
func (n *Node) mapArg(ctx context.Context, v *vault, arg string) error {
	if _, _, named := splitMap(arg); named {
		return n.mapDir(ctx, v, arg)
	}
	p, err := n.resolve(ctx, v, "")
	if err != nil {
		return err
	}
	setup, err := n.home.Setup()
	if err != nil {
		return err
	}
	var free []string
	for e, err := range object.Entries(ctx, v.repo, p.root, "") {
		if err != nil {
			return err
		}
		path := "/" + e.Name
		if e.Kind == object.Dir && !slices.ContainsFunc(setup.Mappings, func(m home.Mapping) bool { return object.Within(path, m.Path) || object.Within(m.Path, path) }) {
			free = append(free, path)
		}
	}
	switch len(free) {
	case 0:
		return n.mapDir(ctx, v, "/"+filepath.Base(arg)+"="+arg)
	case 1:
		return n.mapDir(ctx, v, free[0]+"="+arg)
	}
	return fail(Usage, "bsv map add "+quote(free[0])+" "+quote(arg), "the vault has several directories (%s): say which one %s stands for", strings.Join(free, ", "), arg)
}
