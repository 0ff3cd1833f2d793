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

// A new mapping in which nothing can be read keeps no other from being stored.
func TestNewMappingIsUnread(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, memnet.New(), testSecret().Words())
		apart := filepath.Join(m.tmp, "apart")
		if err := os.Mkdir(apart, 0o755); err != nil {
			t.Fatal(err)
		}
		rules := filepath.Join(apart, ".bsvignore")
		if err := os.WriteFile(rules, []byte("*.tmp"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := m.MapAdd(t.Context(), node.MapRequest{Path: "/apart", Dir: apart}); err != nil {
			t.Fatal(err)
		}
		m.write("f", "1")
		if r := m.save(); !r.Created || len(r.Problems) != 1 || r.Problems[0].Raw() != "/apart" {
			t.Errorf("%+v", r)
		}
		for _, i := range m.status().Maps {
			if i.Raw() == "/apart" && i.State != "unread" {
				t.Errorf("it is %s: %s", i.State, i.Reason)
			}
		}
		if err := os.Chmod(rules, 0o644); err != nil {
			t.Fatal(err)
		}
		m.save()
		for _, i := range m.status().Maps {
			if i.State != "clean" {
				t.Errorf("in the end %s is %s: %s", i.Path, i.State, i.Reason)
			}
		}
	})
}
