package node_test

import (
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
