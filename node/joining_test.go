package node_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// What a third device made, too large for an announcement, does not hold up a
// joining device: its acknowledgement comes before the third one's admission.
func TestJoinAfterThirdDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, c := newMember(t, net, words), newMember(t, net, words)
		quiet(5 * time.Second)
		c.write("large", string(noise(11, 400_000).plain))
		c.save()
		quiet(10 * time.Second)
		if s, w := a.status(), c.status(); s.State != w.State || len(s.Pending) > 0 {
			t.Fatalf("the third device's file did not come: %v", s.Pending)
		}
		for i := range 6 { // which side opens the session is as the ids fall
			inv, err := a.Invite(t.Context(), node.InviteRequest{})
			if err != nil {
				t.Fatal(err)
			}
			d := newMember(t, net, "")
			net.Cut(c.host.Self(), d.host.Self())
			begin := time.Now()
			r, err := d.Join(t.Context(), node.JoinRequest{Ticket: inv.Ticket})
			if err != nil || r.State != a.status().State {
				t.Fatalf("%+v: %v", r, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("the joining of device %d took %v", i, took)
			}
		}
	})
}

// Joining another vault keeps the device's name, and the other device is
// remembered under the name that a person gave.
func TestNamesAreCarried(t *testing.T) {
	for name, join := range map[string]func(t *testing.T, a, b *member){
		"ticket": func(t *testing.T, a, b *member) {
			inv, err := a.Invite(t.Context(), node.InviteRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Join(t.Context(), node.JoinRequest{Ticket: inv.Ticket, Yes: true}); err != nil {
				t.Fatal(err)
			}
		},
		"words": func(t *testing.T, a, b *member) {
			r, err := b.RepoAdd(t.Context(), node.RepoAddRequest{Name: "first", Addr: a.addr(), Yes: true})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			done := make(chan error, 1)
			go func() {
				_, err := b.JoinConfirm(t.Context(), node.ConfirmRequest{Accept: true})
				done <- err
			}()
			q, err := a.Approve(t.Context(), node.ApproveRequest{ID: b.host.Self().String(), Words: r.Words})
			if err != nil || q.Name != "laptop" {
				t.Fatalf("%+v: %v", q, err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			list, err := b.RepoList(t.Context())
			if err != nil || !slices.ContainsFunc(list.Repos, func(r node.RepoInfo) bool { return r.Name == "first" && r.Kind == "peer" }) {
				t.Errorf("%+v: %v", list, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				a, b := newMember(t, net, testSecret().Words()), newMember(t, net, "")
				if _, err := b.Init(t.Context(), node.InitRequest{Name: "laptop", Dirs: []string{b.dir}}); err != nil {
					t.Fatal(err)
				}
				join(t, a, b)
				quiet(5 * time.Second)
				if s := b.status(); s.Name != "laptop" {
					t.Errorf("it calls itself %q", s.Name)
				}
				if p, err := a.Peers(t.Context()); err != nil || len(p.Peers) != 1 || p.Peers[0].Name != "laptop" {
					t.Errorf("the other device knows it as %+v: %v", p, err)
				}
			})
		})
	}
}
