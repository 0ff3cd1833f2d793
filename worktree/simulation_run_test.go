package worktree

import (
	"fmt"
	"runtime"
	"sort"
	"sync"
	"testing"
)

func simRun(t *testing.T, h simHistory, set func(*simWorld)) *simWorld {
	w := newSimWorld(t, h.n, h.skews)
	set(w)
	for _, o := range h.ops {
		w.step(o)
	}
	w.finish()
	return w
}

// simMany plays histories in parallel and returns what was violated, with the
// first seed of each kind.
func simMany(t *testing.T, n int, set func(*simWorld)) (bad map[string]int, first map[string]string, snaps int) {
	bad, first = map[string]int{}, map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seeds := make(chan int64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for s := range seeds {
				w := simRun(t, simGenerate(s), set)
				mu.Lock()
				snaps += w.snaps
				for k, v := range w.bad {
					bad[k]++
					if bad[k] == 1 {
						first[k] = fmt.Sprintf("-sim.seed=%d: %s", s, v)
					}
				}
				mu.Unlock()
			}
		})
	}
	for s := range n {
		seeds <- int64(s)
	}
	close(seeds)
	wg.Wait()
	return bad, first, snaps
}

// simRare are violations that the rules are known to leave, one in so many
// histories: an old version that comes back as a copy (rule 9 catches all but
// few), and single snapshots whose merge with a third device's undoes or
// brings back one path. Nothing is lost by any of them. Every other kind must
// not occur at all.
var simRare = map[string]int{"I4-resurrected": 200, "I5a-unseen-undone": 500, "I5b-brings-back": 1000, "I3-strong": 2000}

func TestSimulatedHistories(t *testing.T) {
	if *simSeed >= 0 {
		w := simRun(t, simGenerate(*simSeed), func(w *simWorld) { w.verbose = true })
		for k, v := range w.bad {
			t.Errorf("%s: %s", k, v)
		}
		return
	}
	bad, first, snaps := simMany(t, *simN, func(*simWorld) {})
	fmt.Printf("%d histories, %d snapshots, %d kinds of violations\n", *simN, snaps, len(bad))
	var kinds []string
	for k := range bad {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		if n := simRare[k]; n > 0 && bad[k] <= max(1, *simN/n) {
			fmt.Printf("%s in %d of %d histories, known to be rare\n", k, bad[k], *simN)
			continue
		}
		t.Errorf("%s in %d of %d histories; first %s", k, bad[k], *simN, first[k])
	}
}

// The controls: without what was given to the disk, or with an empty base,
// the same histories must go wrong.
func TestSimulationControls(t *testing.T) {
	for name, set := range map[string]func(*simWorld){
		"the state counts as given": func(w *simWorld) { w.noGiven = true },
		"empty base":                func(w *simWorld) { w.noBase = true },
	} {
		if bad, _, _ := simMany(t, 60, set); len(bad) == 0 {
			t.Errorf("%s: no history goes wrong: the simulator cannot fail", name)
		}
	}
}
