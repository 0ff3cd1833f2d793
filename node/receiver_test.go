package node_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/node/memnet"
	"github.com/bsvsync/bsv/proto"
)

// A block that no honest device sends ends an answer and counts as a violation
// while large ones before it are still verified: when nothing follows it,
// within no time, and when the answer or the stream ends right after it, too.
func TestViolationBehindLargeBlocks(t *testing.T) {
	for name, after := range map[string]func(c *proto.Conn) error{
		"nothing follows": func(*proto.Conn) error { return nil },
		"the end follows": func(c *proto.Conn) error { return c.SendEnd(&proto.End{}) },
		"it breaks off":   (*proto.Conn).Close,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				a := newMember(t, net, testSecret().Words())
				e := newEvilIn(t, net)
				bad := e.block(noise(0, 1000))
				bad.Ids[5] ^= 1
				begin := time.Now()
				for n := range 3 {
					c := e.session(t, a.host)
					if err := e.lure(c, func(d *proto.Conn) {
						for i := range 4 {
							_ = give(d, e.block(noise(10*n+i, 1<<20))) // it may be cut off already
						}
						_ = give(d, bad) // as above
						_ = after(d)     // as above
					}); err != nil {
						t.Fatal(err)
					}
					if err := ended(c); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(begin); took >= proto.Idle {
					t.Errorf("given up after %v", took)
				}
				synctest.Wait()
				c, err := e.tryDial(a.host, proto.SyncProtocol)
				if err == nil {
					err = c.Send(e.hello(t, e.host.Self(), a.host.Self(), testSecret().Admission()), proto.MaxHello)
				}
				if err == nil {
					err = c.Receive(&proto.Hello{}, proto.MaxHello)
				}
				if err == nil {
					t.Error("the third violation is forgiven")
				}
			})
		})
	}
}

// patient is a stream that its sender does not give up.
type patient struct{ proto.Stream }

func (patient) Reset() error { return nil }

// hung is a device whose disk hangs once hangs is set, at a pack that is
// written, until free is closed.
func hung(t *testing.T, net *memnet.Net) (b *member, hangs *atomic.Bool, begun, free chan struct{}) {
	b = newMember(t, net, testSecret().Words())
	quiet(3 * time.Second)
	b.close()
	hangs, begun, free = &atomic.Bool{}, make(chan struct{}), make(chan struct{})
	b.fault = fault.New(map[string]int{"cas.pack.begin": 0}, func(string) {
		if hangs.CompareAndSwap(true, false) {
			close(begun)
			<-free
		}
	})
	b.open()
	b.start()
	quiet(3 * time.Second)
	return b, hangs, begun, free
}

// While this device's disk hangs, what a peer sends waits with the peer, and
// the time is not the peer's: its answer goes on when the disk does. A device
// that is closed meanwhile waits for what it has begun.
func TestDiskThatHangs(t *testing.T) {
	procs := runtime.GOMAXPROCS(1) // so that one block under way is all
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	for name, c := range map[string]struct {
		blocks, each int
		closed       bool
	}{
		"and comes back":           {blocks: 48, each: 1 << 20},
		"at large blocks":          {blocks: 12, each: 5 << 20}, // each of them is kept before the next is read
		"and the device is closed": {blocks: 48, each: 1 << 20, closed: true},
	} {
		t.Run(name, func(t *testing.T) {
			blocks, each, closed := c.blocks, c.each, c.closed
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				b, hangs, begun, free := hung(t, net)
				hangs.Store(true)
				e := newEvilIn(t, net)
				c := e.session(t, b.host)
				if err := c.SetDeadline(time.Time{}); err != nil {
					t.Fatal(err)
				}
				before := b.Traffic().FetchedBytes
				var sent atomic.Int64
				if err := e.lure(c, func(d *proto.Conn) {
					p := proto.NewConn(patient{d.Stream})
					for i := range blocks {
						if give(p, e.block(noise(i, each))) != nil {
							return
						}
						sent.Add(1)
					}
					_ = p.SendEnd(&proto.End{}) // it may be cut off already
				}); err != nil {
					t.Fatal(err)
				}
				<-begun
				quiet(2 * proto.Allowance(blocks*each))
				if n := int(sent.Load()) * each; n > 35<<20+memnet.Window { // a pack, and what waits
					t.Errorf("%d MiB are taken for a pack of 32", n>>20)
				}
				if closed {
					over := make(chan struct{})
					go func() { defer close(over); b.close() }()
					synctest.Wait()
					select {
					case <-over:
						t.Error("not waited for a block that is being kept")
					default:
					}
					close(free)
					<-over
					return
				}
				close(free)
				if err := ended(c); err != nil { // none of it was asked for
					t.Error(err)
				}
				if n := int(b.Traffic().FetchedBytes - before); n < blocks*each {
					t.Errorf("%d of %d MiB were taken", n>>20, blocks)
				}
			})
		})
	}
}
