package merge_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// counter counts what a merge reads.
type counter struct {
	object.Getter
	n map[object.ID]int
}

func (c *counter) Get(ctx context.Context, id object.ID) ([]byte, error) {
	c.n[id]++
	return c.Getter.Get(ctx, id)
}

// A merge costs what has changed, not what is there.
func TestCostIsOfTheChange(t *testing.T) {
	w := newWorld(t)
	build := func(n int, change map[int]string) object.ID {
		id, _, err := object.BuildTree(w.ctx, w.hash, w.store, func(yield func(object.Entry, error) bool) {
			for i := range n {
				e := file("0", 1)
				if s, ok := change[i]; ok {
					e = file(s, 2)
				}
				e.Name = fmt.Sprintf("%06d", i)
				if !yield(e, nil) {
					return
				}
			}
		})
		w.must(err)
		return id
	}
	cost := func(n int) (reads, made int) {
		// Children of a directory beside the one that changes are never read.
		over := func(sub object.ID, content string) object.ID {
			d := dir(0o755, 1)
			d.Tree, d.Size = sub, uint64(n)
			quiet := dir(0o755, 1)
			quiet.Tree = object.ID{1} // not there at all
			root, err := object.SetPath(w.ctx, w.hash, w.store, w.store, w.tree(flat{"/z": file(content, 1)}), "/d", &d)
			w.must(err)
			root, err = object.SetPath(w.ctx, w.hash, w.store, w.store, root, "/quiet", &quiet)
			w.must(err)
			return root
		}
		c := &counter{w.store, map[object.ID]int{}}
		r, err := merge.Three(w.ctx, merge.Env{Get: c, Hash: w.hash}, over(build(n, nil), "z"), over(build(n, map[int]string{n / 3: "1"}), "z"), over(build(n, map[int]string{n / 2: "2"}), "z"))
		w.must(err)
		for _, k := range c.n {
			reads += k
		}
		return reads, len(r.New)
	}
	small, _ := cost(1000)
	large, made := cost(50000)
	t.Logf("reads: %d of 1,000 names, %d of 50,000; %d new objects", small, large, made)
	if large > 8*small || made > 20 {
		t.Errorf("%d reads of 1,000 names, %d of 50,000; %d new objects", small, large, made)
	}
}

// A fold over many heads reads every snapshot of the history once.
func TestHistoryIsReadOnce(t *testing.T) {
	w := newWorld(t)
	root := w.tree(flat{"/a": file("0", 1)})
	id := w.snapshot(1, 1, root, nil)
	all := []object.ID{id}
	for range 300 {
		id = w.snapshot(1, 1, root, nil, id)
		all = append(all, id)
	}
	var heads []object.ID
	for i := range 20 {
		h := w.snapshot(byte(i+2), 1, w.tree(flat{"/a": file("0", 1), fmt.Sprintf("/%d", i): file("x", 1)}), nil, id)
		heads, all = append(heads, h), append(all, h)
	}
	c := &counter{w.store, map[object.ID]int{}}
	_, err := merge.State(w.ctx, merge.Env{Get: c, Hash: w.hash, Memo: merge.NewMemo()}, heads)
	w.must(err)
	for _, s := range all {
		if c.n[s] > 1 {
			t.Fatalf("a snapshot was read %d times", c.n[s])
		}
	}
}

// What is asked of the history costs what lies between the snapshots that it is
// asked of, however long it is.
func TestHistoryCostsTheDistance(t *testing.T) {
	const long, apart = 5000, 30
	w := newWorld(t)
	root := w.tree(flat{"/a": file("0", 1)})
	id := w.snapshot(1, 1, root, nil)
	old := id
	for range long {
		id = w.snapshot(1, 1, root, nil, id)
	}
	fork, last := id, id
	chain := func(device byte, from object.ID, n int) object.ID {
		for range n {
			from = w.snapshot(device, 1, root, nil, from)
		}
		return from
	}
	for range long { // the side that went on is far ahead
		last = w.snapshot(1, 1, root, nil, last)
	}
	near, far := chain(2, last, apart), chain(3, fork, apart)
	mine := chain(1, last, 1)
	reads := func(f func(env merge.Env) (bool, error)) int {
		t.Helper()
		c := &counter{w.store, map[object.ID]int{}}
		ok, err := f(merge.Env{Get: c, Hash: w.hash, Memo: merge.NewMemo()})
		if w.must(err); !ok {
			t.Fatal("another answer")
		}
		return len(c.n)
	}
	one := func(ids []object.ID, want object.ID) bool { return len(ids) == 1 && ids[0] == want }
	for name, n := range map[string]int{
		"one head more": reads(func(env merge.Env) (bool, error) {
			ids, err := merge.Join(w.ctx, env, []object.ID{last}, []object.ID{mine})
			return one(ids, mine), err
		}),
		"another branch": reads(func(env merge.Env) (bool, error) {
			ids, err := merge.Heads(w.ctx, env, []object.ID{mine, near})
			return len(ids) == 2, err
		}),
		"what is new": reads(func(env merge.Env) (bool, error) {
			ids, err := merge.NewUnseen(w.ctx, env, []object.ID{last, old}).Add(mine)
			return one(ids, mine), err
		}),
		"what is new on a branch": reads(func(env merge.Env) (bool, error) {
			ids, err := merge.NewUnseen(w.ctx, env, []object.ID{mine}).Add(near)
			return len(ids) == apart, err
		}),
		"what is new of an old branch": reads(func(env merge.Env) (bool, error) {
			ids, err := merge.NewUnseen(w.ctx, env, []object.ID{fork}).Add(far)
			return len(ids) == apart, err
		}),
		"a merge": reads(func(env merge.Env) (bool, error) {
			_, err := merge.State(w.ctx, env, []object.ID{mine, near})
			return true, err
		}),
	} {
		if n > 4*apart {
			t.Errorf("%s: %d snapshots read", name, n)
		}
	}
	// Far apart the distance counts, not what is below the fork.
	if n := reads(func(env merge.Env) (bool, error) {
		ids, err := merge.Heads(w.ctx, env, []object.ID{mine, far})
		return len(ids) == 2, err
	}); n > 2*long+4*apart || n < long {
		t.Errorf("a branch %d behind: %d snapshots read", long, n)
	}
}

func BenchmarkFold(b *testing.B) {
	w := newWorld(b)
	root := w.tree(flat{"/a": file("0", 1)})
	id := w.snapshot(1, 1, root, nil)
	for range 10000 {
		id = w.snapshot(1, 1, root, nil, id)
	}
	var heads []object.ID
	for i := range 10 {
		heads = append(heads, w.snapshot(byte(i+2), 1, w.tree(flat{"/a": file("0", 1), fmt.Sprintf("/%d", i): file("x", 1)}), nil, id))
	}
	warm := merge.NewMemo()
	for i := 0; b.Loop(); i++ {
		// A new set each time, so that only the snapshots are remembered.
		h := append([]object.ID{w.snapshot(99, int64(i), root, nil, id)}, heads...)
		_, err := merge.State(w.ctx, merge.Env{Get: w.store, Hash: w.hash, Memo: warm}, h)
		w.must(err)
	}
}
