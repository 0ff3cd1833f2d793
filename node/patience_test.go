package node_test

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/proto"
)

// Who says nothing, or stops in the middle, is given up at its time and not
// before, and holds nobody else up.
func TestSlowPeersAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		say   func(e *evil, a *member) *proto.Conn
	}{
		"no hello": {proto.Handshake, func(e *evil, a *member) *proto.Conn { return e.dial(e.t, a.host, proto.SyncProtocol) }},
		"half a hello": {proto.Handshake, func(e *evil, a *member) *proto.Conn {
			c := e.dial(e.t, a.host, proto.SyncProtocol)
			if _, err := c.Write([]byte{0x80, 0x01, 0x08}); err != nil {
				e.t.Fatal(err)
			}
			return c
		}},
		"half a message": {proto.Allowance(256), func(e *evil, a *member) *proto.Conn {
			c := e.session(e.t, a.host)
			if _, err := c.Write([]byte{0x80, 0x02, 0x08}); err != nil {
				e.t.Fatal(err)
			}
			return c
		}},
		"no word to pair": {proto.Handshake, func(e *evil, a *member) *proto.Conn { return e.dial(e.t, a.host, proto.PairProtocol) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				words := testSecret().Words()
				a, b := newMember(t, net, words), newMember(t, net, words)
				quiet(3 * time.Second)
				e := newEvilIn(t, net)
				begin := time.Now()
				s := c.say(e, a)
				if err := s.SetDeadline(time.Time{}); err != nil {
					t.Fatal(err)
				}
				a.write("x", name)
				a.save()
				quiet(2 * time.Second)
				if b.files()["x"] != name {
					t.Error("an honest device is held up")
				}
				_, _ = io.Copy(io.Discard, s.Stream) // until the other side ends it
				if took := time.Since(begin); took != c.after {
					t.Errorf("given up after %v, not %v", took, c.after)
				}
			})
		})
	}
}

// The third violation shuts a device out, for longer each time; others are
// served meanwhile.
func TestShutOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		e := newEvilIn(t, net)
		in := func() bool {
			c := e.dial(t, a.host, proto.SyncProtocol)
			defer c.Reset()
			if c.Send(e.hello(t, e.host.Self(), a.host.Self(), testSecret().Admission()), proto.MaxHello) != nil {
				return false
			}
			var h proto.Hello
			return c.Receive(&h, proto.MaxHello) == nil
		}
		for _, out := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			for i := range 3 {
				c := e.session(t, a.host)
				if err := c.Send(&proto.Control{}, proto.MaxControl); err != nil {
					t.Fatal(err)
				}
				if err := ended(c); err != nil {
					t.Fatal(i, err)
				}
				quiet(time.Second)
			}
			if in() {
				t.Fatal("the third violation is forgiven")
			}
			quiet(out - 3*time.Second)
			if in() {
				t.Fatalf("let in before %v", out)
			}
			quiet(3 * time.Second)
			if !in() {
				t.Fatalf("still shut out after %v", out)
			}
			quiet(time.Second)
		}
	})
}

// A device that takes requests and answers slowly or never holds the others
// up for no longer than the idle deadline.
func TestStalledFetch(t *testing.T) {
	for name, answer := range map[string]func(e *evil, c *proto.Conn){
		"never": func(_ *evil, c *proto.Conn) { _, _ = c.Read(make([]byte, 1)) }, // until it is given up
		"by trickles": func(e *evil, c *proto.Conn) {
			for i := 0; ; i++ {
				if give(c, e.block(noise(i, 200))) != nil {
					return
				}
				time.Sleep(proto.Idle - time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				words := testSecret().Words()
				a, b := newMember(t, net, words), newMember(t, net, words)
				a.write("x", "0")
				a.save()
				quiet(3 * time.Second)
				e := newEvilIn(t, net)
				c := e.session(t, b.host)
				if err := c.SetDeadline(time.Time{}); err != nil {
					t.Fatal(err)
				}
				if err := e.lure(c, func(d *proto.Conn) { answer(e, d) }); err != nil {
					t.Fatal(err)
				}
				quiet(time.Second) // b is asking by now
				a.write("x", "1")
				a.write("large", string(noise(1, 1<<20).plain)) // does not fit an announcement
				a.save()
				quiet(proto.Idle + 3*time.Second)
				if b.files()["x"] != "1" {
					t.Error("b waits for the slow one")
				}
				begin := time.Now()
				if err := ended(c); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > 3*proto.Idle {
					t.Errorf("the slow one is kept for %v", took)
				}
			})
		})
	}
}

// What was not asked for ends a long answer while it comes; a long answer that
// was asked for is taken whole.
func TestLongAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("150 MiB")
	}
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		words := testSecret().Words()
		a, b := newMember(t, net, words), newMember(t, net, words)
		quiet(3 * time.Second)
		for i := range 20 {
			a.write(filepath.Base(string(rune('a'+i))), string(noise(1000+i, 4<<20).plain))
		}
		a.save()
		quiet(10 * time.Second)
		if s, w := a.status(), b.status(); s.State != w.State || len(w.Pending) > 0 {
			t.Fatalf("80 MiB do not arrive: %v", w.Pending)
		}
		const each = 1 << 20
		e := newEvilIn(t, net)
		c := e.session(t, b.host)
		before := b.Traffic().FetchedBytes
		if err := e.lure(c, func(d *proto.Conn) {
			for i := range 400 {
				if give(d, e.block(noise(5000+i, each))) != nil {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := ended(c); err != nil {
			t.Error(err)
		}
		took := b.Traffic().FetchedBytes - before
		t.Logf("of 400 MiB that nobody asked for %d MiB were taken", took>>20)
		if took > 66<<20 {
			t.Errorf("%d bytes were taken", took)
		}
	})
}

// Of one device two handshakes at most are under way; others still get in.
func TestHandshakesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		e := newEvilIn(t, net)
		for range 100 {
			e.dial(t, a.host, proto.SyncProtocol)
		}
		synctest.Wait()
		if n := net.Streams(a.host.Self(), e.host.Self()); n != 2 {
			t.Errorf("%d of 100 silent streams are kept", n)
		}
		newEvilIn(t, net).session(t, a.host)
		quiet(proto.Handshake)
		if n := net.Streams(a.host.Self(), e.host.Self()); n != 0 {
			t.Errorf("%d are kept after %v", n, proto.Handshake)
		}
	})
}

// A member that is connected and says nothing costs a sync as much patience as
// one answer may take, and not that again for each attempt.
func TestSyncWithASilentMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a := newMember(t, net, testSecret().Words())
		e := newEvilIn(t, net)
		c := e.session(t, a.host)
		e.host.Handle(proto.SyncProtocol, func(_ context.Context, _ object.DeviceID, st proto.Stream) {
			c := proto.NewConn(st)
			if c.Receive(&proto.Hello{}, proto.MaxHello) == nil {
				_ = c.Send(e.hello(t, e.host.Self(), a.host.Self(), testSecret().Admission()), proto.MaxHello) // then nothing more
			}
		})
		synctest.Wait()
		begin := time.Now()
		r, err := a.Sync(t.Context(), node.SyncRequest{})
		if kindOf(err) != node.Unreachable || len(r.Unreachable) != 1 {
			t.Errorf("%v: %v", r.Unreachable, err)
		}
		if took := time.Since(begin); took > proto.Idle+time.Second {
			t.Errorf("given up after %v", took)
		}
		_ = c.Reset() // it is over
	})
}
