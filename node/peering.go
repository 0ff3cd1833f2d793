package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// RepoAddRequest is bsv repo add [NAME] MULTIADDR.
type RepoAddRequest struct {
	Name string `json:"name,omitempty"`
	Addr string `json:"addr"`
	Yes  bool   `json:"yes,omitempty"`

	DeviceName string `json:"device_name,omitempty"` // of this device

	Maps []string `json:"maps,omitempty"` // that will be given to JoinConfirm: they are checked first
}

// RepoAddResult is a peer that was added, or the words to compare.
type RepoAddResult struct {
	Name   string `json:"name"`
	Device string `json:"device"`
	Words  string `json:"words,omitempty"`

	Sync *SyncResult `json:"sync,omitempty"` // with a member
}

// RepoAdd connects to a member; a device outside the vault asks to be
// admitted instead, and gets the words that both screens must show.
func (n *Node) RepoAdd(ctx context.Context, r RepoAddRequest) (RepoAddResult, error) {
	id, err := CheckAddr(r.Addr)
	if err != nil {
		return RepoAddResult{}, err
	}
	res := RepoAddResult{Name: r.Name, Device: id.String()}
	if err := n.checkMaps(r.Maps); err != nil {
		return res, err
	}
	if err := n.mayBeNamed(r.DeviceName); err != nil {
		return res, err
	}
	s, net := n.syncer(), n.network()
	if s == nil {
		return res, fail(Failed, "bsv node", "the network is not running")
	}
	if id == net.Self() {
		return res, fail(Usage, "give the address of another device", "%s is this device itself", r.Addr)
	}
	if v, err := n.open(); err == nil {
		from, err := n.baseline(ctx, v)
		if err != nil {
			return res, err
		}
		dial, cancel := context.WithTimeout(ctx, 2*dialWait)
		err = s.reach(dial, id, []string{r.Addr}, v.view.isMember(id))
		cancel()
		if err == nil || v.view.isMember(id) {
			if err != nil {
				return res, unreachable(err)
			}
			if err := n.renamed(ctx, v, r.DeviceName); err != nil {
				return res, err
			}
			if res.Name == "" {
				res.Name = n.nameOf(v, id)
			}
			if err := n.remember(home.Peer{Name: res.Name, Device: id.String(), Addrs: []string{r.Addr}}); err != nil {
				return res, err
			}
			n.members()
			done, err := n.syncSince(ctx, from, SyncRequest{Repos: []string{res.Name}}, true)
			res.Sync = &done
			return res, err
		}
	}
	dev, err := n.mayJoin(ctx, r.Yes)
	if err != nil {
		return res, err
	}
	res.Words, err = n.pairings().ask(ctx, id, r, dev)
	return res, err
}

// ask sends a request without a ticket and returns the words.
func (p *pairing) ask(ctx context.Context, id object.DeviceID, r RepoAddRequest, dev keyring.Device) (string, error) {
	dial, cancel := context.WithTimeout(ctx, 2*proto.Handshake)
	defer cancel()
	st, err := p.net.Dial(dial, id, proto.PairProtocol, []string{r.Addr})
	if err != nil {
		return "", unreachable(err)
	}
	if err := st.SetDeadline(time.Now().Add(2 * proto.Handshake)); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() }) // whoever waits is told
	defer stop()
	c := proto.NewConn(st)
	nj := make([]byte, nonceLen)
	rand.Read(nj)
	sum := sha256.Sum256(nj)
	w, name := dev.Recipient(), p.n.deviceName(r.DeviceName)
	var na proto.PairNonce
	err = c.Send(&proto.PairAsk{Wrapping: w[:], Name: name, Commit: sum[:]}, proto.MaxStranger)
	if err == nil {
		err = c.Receive(&na, proto.MaxStranger)
	}
	if err == nil && len(na.GetNonce()) != nonceLen {
		err = fmt.Errorf("%w: a nonce of %d bytes", proto.ErrViolation, len(na.GetNonce()))
	}
	if err == nil {
		err = c.Send(&proto.PairProof{Nonce: nj}, proto.MaxStranger)
	}
	if err != nil {
		return "", errors.Join(unreachable(err), st.Reset())
	}
	p.mu.Lock()
	old := p.asking
	p.asking = &asking{id, dev, c, name, r.Name, r.Addr}
	p.mu.Unlock()
	if old != nil {
		_ = old.conn.Reset() // given up for the new one
	}
	return keyring.FourWords(proto.PairDigest(dev.ID(), id, nj, na.GetNonce())), nil
}

// ConfirmRequest says whether the words matched.
type ConfirmRequest struct {
	Accept bool     `json:"accept"`
	Maps   []string `json:"maps,omitempty"`
}

// JoinConfirm goes on with a request whose words a person has compared; it
// waits for the other side's approval.
func (n *Node) JoinConfirm(ctx context.Context, r ConfirmRequest) (JoinResult, error) {
	res := JoinResult{Maps: []MapInfo{}}
	p := n.pairings()
	if p == nil {
		return res, fail(Failed, "bsv node", "the network is not running")
	}
	if r.Accept {
		if err := n.checkMaps(r.Maps); err != nil {
			return res, err // it may be confirmed again
		}
	}
	p.mu.Lock()
	a := p.asking
	p.asking = nil
	p.mu.Unlock()
	if a == nil {
		return res, fail(NotFound, "bsv repo add MULTIADDR", "no request is under way")
	}
	if !r.Accept {
		return res, a.conn.Reset()
	}
	defer a.conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = a.conn.Reset() })
	defer stop()
	if err := a.conn.SetDeadline(time.Now().Add(proto.PairWait)); err != nil {
		return res, err
	}
	var acc proto.PairAccept
	if err := a.conn.Receive(&acc, proto.MaxAccept); err != nil {
		if ctx.Err() != nil {
			return res, ctx.Err()
		}
		return res, &Error{Kind: NotAuthorised, Msg: "the other device did not admit this one", Hint: "run it again, and there: bsv peers approve", Err: err}
	}
	if acc.GetError() != "" {
		return res, fail(NotAuthorised, "run it again, and there: bsv peers approve", "the other device did not admit this one")
	}
	aside, err := n.enter(ctx, a.dev, &acc, a.name, func(keyring.Header) error { return nil })
	if err != nil {
		return res, err
	}
	return n.afterJoin(ctx, a.id, a.as, append([]string{a.addr}, acc.GetAddrs()...), r.Maps, aside)
}

// ApproveRequest is bsv peers approve: without words it tells who asks.
type ApproveRequest struct {
	ID    string `json:"id,omitempty"`
	Words string `json:"words,omitempty"`
}

// ApproveResult is who asks, or who was admitted.
type ApproveResult struct {
	Device   string `json:"device"`
	Name     string `json:"name"`
	Words    string `json:"words"`
	Admitted bool   `json:"admitted"`
}

// Approve admits a device whose words a person has compared; it returns once
// the device is a member.
func (n *Node) Approve(ctx context.Context, r ApproveRequest) (ApproveResult, error) {
	p := n.pairings()
	if p == nil {
		return ApproveResult{}, fail(Failed, "bsv node", "the node is not running, so nobody can ask")
	}
	q, err := p.approve(r)
	if q == nil {
		return ApproveResult{}, err
	}
	res := ApproveResult{Device: q.id.String(), Name: q.name, Words: q.words}
	if err != nil || r.Words == "" {
		return res, err
	}
	select {
	case err = <-q.done:
	case <-time.After(proto.Handshake):
		err = errGone
	case <-ctx.Done():
		return res, ctx.Err()
	}
	if errors.Is(err, errGone) {
		return res, &Error{Kind: Unreachable, Msg: err.Error(), Hint: "on the other device: bsv repo add MULTIADDR", Err: err}
	}
	res.Admitted = err == nil
	return res, err
}

// approve finds the request that is meant and lets it go on when the words
// are its own.
func (p *pairing) approve(r ApproveRequest) (*request, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	var found *request
	for id, q := range p.pending {
		if r.ID == "" && len(p.pending) == 1 || r.ID == id.String() || r.ID != "" && r.ID == q.name {
			if found != nil {
				return nil, fail(Usage, "bsv peers list, then: bsv peers approve ID", "several devices call themselves %s", r.ID)
			}
			found = q
		}
	}
	switch {
	case found == nil && len(p.pending) > 1 && r.ID == "":
		return nil, fail(Usage, "bsv peers list, then: bsv peers approve ID", "%d devices ask to join", len(p.pending))
	case found == nil:
		return nil, fail(NotFound, "on the other device: bsv repo add MULTIADDR", "no such device asks to join")
	case r.Words == "":
		return found, nil
	case r.Words != found.words:
		return found, fail(NotAuthorised, "compare them again: bsv peers list", "the words do not match")
	}
	delete(p.pending, found.id)
	found.answer <- true
	return found, nil
}
