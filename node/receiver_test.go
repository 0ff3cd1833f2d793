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
	const blocks, each = 48, 1 << 20
	procs := runtime.GOMAXPROCS(1) // so that one block under way is all
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	for name, closed := range map[string]bool{"and comes back": false, "and the device is closed": true} {
		t.Run(name, func(t *testing.T) {
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
				if n := sent.Load() * each; n > 34*each+memnet.Window { // a pack, one that waits, and one in the middle
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
				if n := b.Traffic().FetchedBytes - before; n < blocks*each {
					t.Errorf("%d of %d MiB were taken", n>>20, blocks)
				}
			})
		})
	}
}
