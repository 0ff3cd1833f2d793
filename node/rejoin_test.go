package node_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// What a device wrote to its disk while it was in its own vault is stored anew
// in the vault that it joins: nothing there knows the old one's objects.
func TestJoinForgetsWhatAnApplyWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		a.write("a", "by a")
		a.save()
		b := newMember(t, net, "")
		if _, err := b.Init(t.Context(), node.InitRequest{Dirs: []string{b.dir}}); err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("written by an apply ", 50)
		if _, err := b.PutFile(t.Context(), node.PathRequest{Path: "/docs/x"}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if b.files()["x"] != text {
			t.Fatalf("nothing was applied: %v", b.files())
		}
		inv, err := a.Invite(t.Context(), node.InviteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Join(t.Context(), node.JoinRequest{Ticket: inv.Ticket, Yes: true}); err != nil {
			t.Fatal(err)
		}
		quiet(time.Minute)
		if a.files()["x"] != text || b.files()["x"] != text || b.files()["a"] != "by a" {
			t.Errorf("a holds %v, b %v", a.files(), b.files())
		}
		for _, m := range []*member{a, b} {
			if s := m.status(); len(s.Pending)+len(s.Damaged) > 0 || s.State != a.status().State {
				t.Errorf("%+v", s)
			}
		}
	})
}
