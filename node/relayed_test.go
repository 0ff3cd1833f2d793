package node_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node/memnet"
)

// A device learns through a third of one that it never met, also when what
// that one saved is too much to come with the news: its admission stands in
// settings that its own record alone may name.
func TestRelayedStranger(t *testing.T) {
	big := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{4}).Read(big)
	for range 4 { // who dials whom is up to their ids
		synctest.Test(t, func(t *testing.T) {
			net := memnet.New()
			words := testSecret().Words()
			a := newMember(t, net, words)
			a.write("big", string(big))
			a.save()
			a.close()
			c := newMember(t, net, words)
			net.Cut(a.host.Self(), c.host.Self())
			b := newMember(t, net, words)
			a.open()
			a.start()
			net.Cut(a.host.Self(), c.host.Self())
			quiet(time.Minute)
			if s := a.status().State; s != b.status().State || s != c.status().State {
				t.Errorf("states %s, %s and %s", s, b.status().State, c.status().State)
			}
			if c.files()["big"] != string(big) {
				t.Error("the content did not come")
			}
		})
	}
}
