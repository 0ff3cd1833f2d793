package node_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
)

// member is a node with its loop over a network in memory.
type member struct {
	*node.Node
	t    *testing.T
	lan  *memnet.Net
	net  *meter
	host *memnet.Host
	dir  string
	tmp  string
	away string // where the home is, if not in tmp
	home *home.Home
	end  func()

	fault *fault.Injector
	log   *slog.Logger
	disk  vfs.FS // of the repository; nil: the real one
}

// newMember starts a node. Words make it a device of their vault; without
// words its home is fresh.
func newMember(t *testing.T, net *memnet.Net, words string) *member {
	t.Helper()
	m := &member{t: t, lan: net, tmp: t.TempDir()}
	m.dir = filepath.Join(m.tmp, "docs")
	if err := os.Mkdir(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.open()
	if words != "" {
		if _, err := m.Init(t.Context(), node.InitRequest{Words: words, Dirs: []string{m.dir}}); err != nil {
			t.Fatal(err)
		}
	}
	m.start()
	t.Cleanup(func() { m.close() })
	return m
}

func (m *member) open() {
	m.t.Helper()
	var err error
	if m.home, err = home.Open(m.t.Context(), home.Paths{Dir: cmp.Or(m.away, filepath.Join(m.tmp, "home")), Config: filepath.Join(m.tmp, "config.toml")}, home.Options{Create: true}); err != nil {
		m.t.Fatal(err)
	}
	if m.Node, err = node.Open(m.t.Context(), node.Options{Home: m.home, FS: m.disk, Log: m.log, Fault: m.fault}); err != nil {
		m.t.Fatal(err)
	}
}

// start joins the network and runs the loop.
func (m *member) start() {
	m.host = m.lan.Join(object.DeviceID(m.Identity().Public().(ed25519.PublicKey)))
	m.net = &meter{Network: m.host}
	m.StartNetwork(m.net)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx, node.RunOptions{NoWatch: true}) }()
	m.end = func() {
		cancel()
		if err := <-done; err != nil {
			m.t.Error(err)
		}
	}
}

// close ends the node; it may be opened and started again.
func (m *member) close() {
	if m.end == nil {
		return
	}
	m.end()
	m.end = nil
	if err := errors.Join(m.Close(), m.home.Close()); err != nil {
		m.t.Error(err)
	}
}

func (m *member) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) save() node.SnapshotResult {
	m.t.Helper()
	r, err := m.Snapshot(m.t.Context(), node.SnapshotRequest{})
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func (m *member) status() node.Status {
	m.t.Helper()
	s, err := m.Status(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// files are the mapped directory's files and what they hold.
func (m *member) files() map[string]string {
	m.t.Helper()
	list, err := os.ReadDir(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range list {
		if e.Name()[0] == '.' {
			continue
		}
		b, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if err != nil {
			m.t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

// quiet lets everything happen that needs no more than the given time.
func quiet(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}

// Three devices, two of which never meet: news travel through the third; a
// cut with edits on all sides heals to one state with conflicts listed alike.
func TestThreeDevicesConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b, c := newMember(t, net, words), newMember(t, net, words), newMember(t, net, words)
		net.Cut(a.host.Self(), c.host.Self()) // for good
		all := []*member{a, b, c}
		same := func(what string) {
			t.Helper()
			quiet(3 * time.Second)
			want := a.status()
			for _, m := range all {
				s := m.status()
				if s.State != want.State || len(s.Pending) > 0 || !slices.Equal(s.Heads, want.Heads) {
					t.Fatalf("%s: states %s and %s, heads %v and %v, pending %v", what, s.State, want.State, s.Heads, want.Heads, s.Pending)
				}
			}
		}
		a.write("a", "from a")
		a.save()
		same("the first edit")
		if got := c.files()["a"]; got != "from a" {
			t.Fatalf("what a wrote does not reach c: %q", got)
		}
		net.Cut(a.host.Self(), b.host.Self())
		net.Cut(b.host.Self(), c.host.Self())
		for _, m := range all {
			m.write("a", "by "+m.host.Self().String())
			m.write("own "+m.host.Self().String(), "mine")
			m.save()
		}
		quiet(time.Minute)
		if a.status().State == c.status().State {
			t.Fatal("the cut cuts nothing")
		}
		net.Heal(a.host.Self(), b.host.Self())
		net.Heal(b.host.Self(), c.host.Self())
		same("after the heal")
		var listed string
		for _, m := range all {
			r, err := m.Conflicts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(r.Conflicts)
			if err != nil {
				t.Fatal(err)
			}
			if listed == "" {
				listed = string(b)
			}
			if len(r.Conflicts) != 2 || string(b) != listed { // of three versions one wins
				t.Errorf("conflicts differ: %s and %s", b, listed)
			}
			held := map[string]bool{}
			for _, text := range m.files() {
				held[text] = true
			}
			for _, o := range all {
				if !held["by "+o.host.Self().String()] {
					t.Errorf("a version is lost: %v", m.files())
				}
			}
		}
		if n := net.Streams(a.host.Self(), c.host.Self()); n != 0 {
			t.Errorf("two that never meet have %d streams", n)
		}
	})
}
