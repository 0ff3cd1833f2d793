package node_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

func kindOf(err error) node.Kind {
	if err == nil {
		return ""
	}
	return node.Explain(err).Kind
}

func (m *member) addr() string { return m.host.Addrs()[0] }

// pending are the devices that ask a member.
func (m *member) pending() (out []node.PeerInfo) {
	m.t.Helper()
	r, err := m.Peers(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, p := range r.Peers {
		if p.State == "waiting" {
			out = append(out, p)
		}
	}
	return out
}

// outsider speaks the pairing protocol by hand.
type outsider struct {
	t    *testing.T
	host *memnet.Host
	dev  keyring.Device
	conn *proto.Conn
}

func newOutsider(t *testing.T, net *memnet.Net) *outsider {
	o := &outsider{t: t, dev: keyring.NewDevice(keyring.Header{})}
	o.host = net.Join(object.DeviceID(o.dev.ID()))
	t.Cleanup(func() { _ = o.host.Close() })
	return o
}

// ask sends a request and returns the other side's nonce.
func (o *outsider) ask(to *member, m *proto.PairAsk) ([]byte, error) {
	o.t.Helper()
	st, err := o.host.Dial(o.t.Context(), to.host.Self(), proto.PairProtocol, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	o.conn = proto.NewConn(st)
	w := o.dev.Recipient()
	m.Wrapping = w[:]
	var n proto.PairNonce
	if err := o.conn.Send(m, proto.MaxStranger); err != nil {
		return nil, err
	}
	return n.GetNonce(), o.receive(&n)
}

func (o *outsider) receive(n *proto.PairNonce) error { return o.conn.Receive(n, proto.MaxStranger) }

// ticket joins by a ticket.
func (o *outsider) ticket(to *member, t proto.Ticket) (*proto.PairAccept, error) {
	o.t.Helper()
	nj := noise(7, 32).plain
	st, err := o.host.Dial(o.t.Context(), to.host.Self(), proto.PairProtocol, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	c := proto.NewConn(st)
	w := o.dev.Recipient()
	var ni proto.PairNonce
	var acc proto.PairAccept
	err = c.Send(&proto.PairAsk{Wrapping: w[:], Name: "outsider", Nonce: nj}, proto.MaxStranger)
	if err == nil {
		err = c.Receive(&ni, proto.MaxStranger)
	}
	if err == nil {
		err = c.Send(&proto.PairProof{Mac: proto.PairMAC(t.Secret, "joiner", o.dev.ID(), t.Inviter, nj, ni.GetNonce(), w[:])}, proto.MaxStranger)
	}
	if err == nil {
		err = c.Receive(&acc, proto.MaxAccept)
	}
	return &acc, err
}

// A device that asks from outside: both screens show the same words, which
// neither side chose; whoever declines, goes away or waits too long is not
// admitted.
func TestAskFromOutside(t *testing.T) {
	words := testSecret().Words()
	ask := func(t *testing.T, b, a *member) string {
		t.Helper()
		r, err := b.RepoAdd(t.Context(), node.RepoAddRequest{Addr: a.addr()})
		if err != nil || len(strings.Fields(r.Words)) != 4 {
			t.Fatalf("%+v: %v", r, err)
		}
		synctest.Wait()
		return r.Words
	}
	confirm := func(b *member, yes bool) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := b.JoinConfirm(context.Background(), node.ConfirmRequest{Accept: yes})
			done <- err
		}()
		return done
	}
	outside := func(t *testing.T, a *member) {
		t.Helper()
		if p := a.pending(); len(p) != 0 {
			t.Errorf("still asking: %+v", p)
		}
		if r, err := a.Peers(t.Context()); err != nil || len(r.Peers) != 0 {
			t.Errorf("admitted: %+v %v", r, err)
		}
	}
	for name, f := range map[string]func(t *testing.T, a, b *member){
		"approved": func(t *testing.T, a, b *member) {
			w := ask(t, b, a)
			q, err := a.Approve(t.Context(), node.ApproveRequest{})
			if err != nil || q.Words != w || q.Admitted || q.Device != b.host.Self().String() {
				t.Fatalf("%+v: %v, asked with %q", q, err, w)
			}
			done := confirm(b, true)
			if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: q.Device, Words: "other words than these"}); kindOf(err) != node.NotAuthorised {
				t.Errorf("other words: %v", err)
			}
			if q, err = a.Approve(t.Context(), node.ApproveRequest{ID: q.Device, Words: w}); err != nil || !q.Admitted {
				t.Fatalf("%+v: %v", q, err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if a.status().Vault != b.status().Vault {
				t.Error("two vaults")
			}
		},
		"asked twice": func(t *testing.T, a, b *member) {
			first := ask(t, b, a)
			time.Sleep(2 * time.Second)
			second := ask(t, b, a)
			p := a.pending()
			if first == second || len(p) != 1 || p[0].Words != second {
				t.Fatalf("%q, then %q: %+v", first, second, p)
			}
			if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: p[0].ID, Words: first}); kindOf(err) != node.NotAuthorised {
				t.Errorf("the words of a request that was given up: %v", err)
			}
			done := confirm(b, true)
			if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: p[0].ID, Words: second}); err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		},
		"declined by who asked": func(t *testing.T, a, b *member) {
			ask(t, b, a)
			if err := <-confirm(b, false); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if _, err := a.Approve(t.Context(), node.ApproveRequest{}); kindOf(err) != node.NotFound {
				t.Errorf("approve: %v", err)
			}
			outside(t, a)
		},
		"went away": func(t *testing.T, a, b *member) {
			w := ask(t, b, a)
			b.lan.Cut(a.host.Self(), b.host.Self())
			synctest.Wait()
			if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: b.host.Self().String(), Words: w}); kindOf(err) != node.NotFound {
				t.Errorf("approve: %v", err)
			}
			if err := <-confirm(b, true); kindOf(err) != node.NotAuthorised {
				t.Errorf("confirm: %v", err)
			}
			outside(t, a)
		},
		"expired": func(t *testing.T, a, b *member) {
			w := ask(t, b, a)
			done := confirm(b, true)
			quiet(proto.PairWait)
			if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: b.host.Self().String(), Words: w}); kindOf(err) != node.NotFound {
				t.Errorf("approve: %v", err)
			}
			if err := <-done; kindOf(err) != node.NotAuthorised {
				t.Errorf("confirm: %v", err)
			}
			outside(t, a)
		},
		"confirmed without asking": func(t *testing.T, a, b *member) {
			if err := <-confirm(b, true); kindOf(err) != node.NotFound {
				t.Errorf("confirm: %v", err)
			}
		},
		"approved without words": func(t *testing.T, a, b *member) {
			ask(t, b, a)
			if q, err := a.Approve(t.Context(), node.ApproveRequest{ID: b.host.Self().String()}); err != nil || q.Admitted {
				t.Errorf("%+v: %v", q, err)
			}
			if len(a.pending()) != 1 {
				t.Error("to look at a request answers it")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				f(t, newMember(t, net, words), newMember(t, net, ""))
			})
		})
	}
}

// Neither side can choose a nonce after it saw the other's, and what waits is
// bounded.
func TestAskByTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		nj := noise(1, 32).plain
		sum := sha256.Sum256(nj)
		for name, c := range map[string]struct{ commit, reveal []byte }{
			"another nonce":  {sum[:], noise(2, 32).plain},
			"a short nonce":  {sum[:], nj[:31]},
			"no commitment":  {nil, nj},
			"no nonce":       {sum[:], nil},
			"a wrong digest": {nj, nj},
		} {
			o := newOutsider(t, net)
			if _, err := o.ask(a, &proto.PairAsk{Commit: c.commit}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := o.conn.Send(&proto.PairProof{Nonce: c.reveal}, proto.MaxStranger); err != nil {
				t.Fatal(err)
			}
			var acc proto.PairAccept
			if err := o.conn.Receive(&acc, proto.MaxAccept); err == nil {
				t.Errorf("%s: %v", name, &acc)
			}
			if len(a.pending()) != 0 {
				t.Errorf("%s: waits", name)
			}
			quiet(2 * time.Second)
		}
		for i := range proto.MaxPending + 3 {
			o := newOutsider(t, net)
			if _, err := o.ask(a, &proto.PairAsk{Commit: sum[:], Name: "a\x1b[31mb"}); err != nil {
				t.Fatal(i, err)
			}
			if err := o.conn.Send(&proto.PairProof{Nonce: nj}, proto.MaxStranger); err != nil {
				t.Fatal(i, err)
			}
			quiet(time.Second)
		}
		p := a.pending()
		if len(p) != proto.MaxPending {
			t.Errorf("%d requests wait", len(p))
		}
		seen := map[string]bool{}
		for _, r := range p {
			if seen[r.Words] {
				t.Error("two requests have the same words")
			}
			seen[r.Words] = true
			if r.Name != "a?[31mb" {
				t.Errorf("a name reaches the terminal as %q", r.Name)
			}
		}
		if _, err := a.Approve(t.Context(), node.ApproveRequest{ID: "a?[31mb"}); kindOf(err) != node.Usage {
			t.Errorf("a name that several have: %v", err)
		}
	})
}

// Attempts from one address take turns; those of others are not held up.
func TestPairingTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		one, other := newOutsider(t, net), newOutsider(t, net)
		type answer struct {
			after time.Duration
			err   error
		}
		begin := time.Now()
		answers := make(chan answer, 10)
		for range 5 {
			o := *one
			go func() {
				_, err := o.ask(a, &proto.PairAsk{Nonce: noise(1, 32).plain})
				answers <- answer{time.Since(begin), err}
			}()
		}
		synctest.Wait()
		if _, err := other.ask(a, &proto.PairAsk{Nonce: noise(1, 32).plain}); err != nil || time.Since(begin) != 0 {
			t.Errorf("another address waits for %v: %v", time.Since(begin), err)
		}
		served := map[time.Duration]int{}
		for range 5 {
			if r := <-answers; r.err == nil {
				served[r.after]++
			}
		}
		if served[0] != 1 || served[time.Second] != 1 || len(served) != 2 {
			t.Errorf("served at once and later: %v", served)
		}
	})
}

func TestTickets(t *testing.T) {
	words := testSecret().Words()
	invite := func(t *testing.T, a *member) (string, proto.Ticket) {
		t.Helper()
		r, err := a.Invite(t.Context(), node.InviteRequest{Expires: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		k, err := proto.ParseTicket(r.Ticket)
		if err != nil {
			t.Fatal(err)
		}
		return r.Ticket, k
	}
	for name, f := range map[string]func(t *testing.T, net *memnet.Net, a *member){
		"mistyped or expired": func(t *testing.T, net *memnet.Net, a *member) {
			text, _ := invite(t, a)
			b := newMember(t, net, "")
			net.Cut(a.host.Self(), b.host.Self()) // whoever dials is Unreachable
			wrong := []byte(text)
			if wrong[20]++; wrong[20] > 'z' {
				wrong[20] = 'a'
			}
			if _, err := b.Join(t.Context(), node.JoinRequest{Ticket: string(wrong)}); kindOf(err) != node.Usage {
				t.Errorf("mistyped: %v", err)
			}
			quiet(time.Hour + time.Second)
			if _, err := b.Join(t.Context(), node.JoinRequest{Ticket: text}); kindOf(err) != node.NotAuthorised || !errors.Is(err, proto.ErrExpired) {
				t.Errorf("expired: %v", err)
			}
		},
		"expired at the inviter": func(t *testing.T, net *memnet.Net, a *member) {
			_, k := invite(t, a)
			quiet(time.Hour + time.Second)
			acc, err := newOutsider(t, net).ticket(a, k)
			if err != nil || acc.GetError() == "" || acc.GetRing() != nil {
				t.Errorf("%v: %v", acc, err)
			}
		},
		"of another secret": func(t *testing.T, net *memnet.Net, a *member) {
			_, k := invite(t, a)
			k.Secret[0] ^= 1
			begin := time.Now()
			acc, err := newOutsider(t, net).ticket(a, k)
			if err != nil || acc.GetError() == "" || acc.GetHeader() != nil {
				t.Errorf("%v: %v", acc, err)
			}
			if time.Since(begin) < time.Second {
				t.Error("a wrong proof is not slowed down")
			}
			k.Secret[0] ^= 1
			if acc, err := newOutsider(t, net).ticket(a, k); err != nil || acc.GetError() != "" {
				t.Errorf("a wrong proof has closed the invite: %v %v", acc, err)
			}
		},
		"bound to its first device": func(t *testing.T, net *memnet.Net, a *member) {
			text, k := invite(t, a)
			first := newOutsider(t, net)
			if acc, err := first.ticket(a, k); err != nil || acc.GetError() != "" {
				t.Fatalf("%v: %v", acc, err)
			}
			b := newMember(t, net, "")
			if _, err := b.Join(t.Context(), node.JoinRequest{Ticket: text}); kindOf(err) != node.NotAuthorised {
				t.Errorf("a second device: %v", err)
			}
			quiet(2 * time.Second)
			if acc, err := first.ticket(a, k); err != nil || acc.GetError() != "" {
				t.Errorf("the first again: %v %v", acc, err)
			}
		},
		"the same device with another key": func(t *testing.T, net *memnet.Net, a *member) {
			_, k := invite(t, a)
			o := newOutsider(t, net)
			if acc, err := o.ticket(a, k); err != nil || acc.GetError() != "" {
				t.Fatalf("%v: %v", acc, err)
			}
			old := o.dev
			o.dev.Wrapping = keyring.NewDevice(keyring.Header{}).Wrapping
			quiet(2 * time.Second)
			acc, err := o.ticket(a, k)
			if err != nil || acc.GetError() != "" {
				t.Fatalf("%v: %v", acc, err)
			}
			quiet(2 * time.Second)
			_, k = invite(t, a) // a ring of later
			later, err := newOutsider(t, net).ticket(a, k)
			if err != nil || later.GetError() != "" {
				t.Fatalf("%v: %v", later, err)
			}
			h, err := keyring.DecodeHeader(acc.GetHeader())
			if err != nil {
				t.Fatal(err)
			}
			for name, b := range map[string][]byte{"its own": acc.GetRing(), "a later one": later.GetRing()} {
				ring, err := keyring.DecodeRing(b)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range []keyring.Device{old, o.dev} {
					d.Tag, d.Admission = h.Tag, h.Admission
					if _, err := ring.OpenDevice(d); err != nil {
						t.Errorf("%s ring does not open: %v", name, err)
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				f(t, net, newMember(t, net, words))
			})
		})
	}
}
