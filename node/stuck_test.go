package node_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// A disk that takes nothing holds up neither the other mappings nor what the
// status says of them.
func TestOneMappingIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		apart := func(m *member) string { return filepath.Join(m.tmp, "apart") } // given its news before docs is
		for _, m := range []*member{a, b} {
			if err := os.Mkdir(apart(m), 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := m.MapAdd(t.Context(), node.MapRequest{Path: "/apart", Dir: apart(m)}); err != nil {
				t.Fatal(err)
			}
		}
		quiet(time.Minute)
		if err := os.Remove(filepath.Join(apart(b), ".bsvmap")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(apart(a), "f"), []byte("1"), 0o644); err != nil {
			t.Fatal(err)
		}
		a.write("f", "1")
		a.save()
		quiet(3 * time.Second)
		if got := b.files(); got["f"] != "1" {
			t.Errorf("the other mapping holds %v", got)
		}
		for _, m := range b.status().Maps {
			if m.Raw() == "/docs" && m.State != "clean" {
				t.Errorf("of the other mapping it says %s: %s", m.State, m.Reason)
			}
		}
	})
}
