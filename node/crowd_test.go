package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsvsync/bsv/node"
	"github.com/bsvsync/bsv/node/memnet"
)

// Many commands at once on two devices that sync, while networks end and begin,
// mappings come and go, and nodes are closed in the middle: nothing panics or
// hangs, nothing is damaged, and both come to one state that holds what each
// wrote last.
func TestManyCommandsAtOnce(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { crowd(t, seed) }) })
	}
}

func crowd(t *testing.T, seed uint64) {
	net := memnet.New()
	words := testSecret().Words()
	all := []*member{newMember(t, net, words), newMember(t, net, words)}
	for range 3 {
		var wg sync.WaitGroup
		for i, m := range all {
			other := filepath.Join(m.tmp, "other")
			if err := os.MkdirAll(other, 0o755); err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			for k, do := range []func(r *rand.Rand) error{
				func(r *rand.Rand) error {
					return os.WriteFile(filepath.Join(m.dir, fmt.Sprint("f", r.IntN(5))), []byte(strings.Repeat(fmt.Sprint(i, r.Uint32()), r.IntN(200))), 0o644)
				},
				func(*rand.Rand) error { _, err := m.Snapshot(ctx, node.SnapshotRequest{}); return err },
				func(r *rand.Rand) error {
					_, err := m.PutFile(ctx, node.PathRequest{Path: fmt.Sprintf("/docs/p%d", r.IntN(5))}, strings.NewReader(strings.Repeat("p", r.IntN(3000))))
					return err
				},
				func(r *rand.Rand) error {
					_, err := m.Rm(ctx, node.PathRequest{Path: fmt.Sprintf("/docs/p%d", r.IntN(5))})
					return err
				},
				func(*rand.Rand) error { _, err := m.Status(ctx); return err },
				func(*rand.Rand) error { _, err := m.Log(ctx, node.LogRequest{}); return err },
				func(*rand.Rand) error { _, err := m.Sync(ctx, node.SyncRequest{}); return err },
				func(*rand.Rand) error {
					_, err := m.Restore(ctx, node.RestoreRequest{Refs: []string{"latest~1:/docs"}})
					return err
				},
				func(r *rand.Rand) error {
					if r.IntN(2) == 0 {
						_, err := m.MapAdd(ctx, node.MapRequest{Path: "/other", Dir: other})
						return err
					}
					_, err := m.MapRemove(ctx, node.MapRequest{Path: "/other"})
					return err
				},
				func(r *rand.Rand) error {
					time.Sleep(time.Duration(r.IntN(500)) * time.Millisecond)
					m.StopNetwork()
					m.host = m.lan.Join(m.host.Self())
					m.StartNetwork(m.host)
					return nil
				},
			} {
				r := rand.New(rand.NewPCG(seed, uint64(100*i+k)))
				wg.Go(func() {
					for range 6 {
						if e := node.Explain(do(r)); e != nil && (e.Kind == node.Damage || e.Kind == node.Internal) {
							t.Errorf("device %d, command %d: %v", i, k, e)
						}
						time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
					}
				})
			}
		}
		wg.Wait()
		for _, m := range all { // in the middle of whatever it does now
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := m.Sync(context.Background(), node.SyncRequest{})
				if e := node.Explain(err); e != nil && e.Kind == node.Damage {
					t.Error(err)
				}
			}()
			m.end()
			m.end = nil
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			<-done
			if err := errors.Join(m.home.Close()); err != nil {
				t.Error(err)
			}
			m.open()
			m.start()
		}
	}
	for i, m := range all {
		m.write(fmt.Sprint("last", i), "last")
		m.save()
	}
	quiet(2 * time.Minute)
	a, b := all[0].status(), all[1].status()
	if a.State != b.State || len(a.Pending)+len(b.Pending)+len(a.Damaged)+len(b.Damaged) > 0 {
		t.Errorf("%+v\n%+v", a, b)
	}
	x, y := all[0].files(), all[1].files()
	if fmt.Sprint(x) != fmt.Sprint(y) || x["last0"] != "last" || x["last1"] != "last" {
		t.Errorf("%v\n%v", x, y)
	}
}
