package worktree

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bsvsync/bsv/object"
)

// lossTree builds a tree of files.
func lossTree(t *testing.T, st memStore, files map[string]string) object.ID {
	t.Helper()
	ctx := context.Background()
	root, err := st.Put(ctx, object.KindTree, second(object.EmptyTree(st.Hasher())))
	for p, text := range files {
		if err != nil {
			break
		}
		e := object.Entry{Kind: object.File, Size: uint64(len(text)), Mode: 0o644}
		if e.Content, _, err = st.WriteFile(ctx, strings.NewReader(text), 0); err == nil {
			root, err = object.SetPath(ctx, st.Hasher(), st, st, root, p, &e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func second[A, B any](_ A, b B) B { return b }

func noise(r *rand.ChaCha8, n int) string {
	b := make([]byte, n)
	_, _ = r.Read(b) // it never fails
	return string(b)
}

// What stands elsewhere in the wanted tree is not lost: large contents by one
// copy of them, those in the entry one for one.
func TestLossElsewhere(t *testing.T) {
	ctx := context.Background()
	large := strings.Repeat("a large file ", 40)
	for name, c := range map[string]struct {
		from, to  map[string]string
		raw, lost uint64
	}{
		"gone":               {map[string]string{"/a": "1", "/b": large}, nil, 2, 2},
		"renamed":            {map[string]string{"/p/a": "1", "/p/b": large}, map[string]string{"/q/a": "1", "/q/b": large}, 2, 0},
		"moved over another": {map[string]string{"/a": "1", "/b": "2"}, map[string]string{"/b": "1"}, 1, 0},
		"one of two small":   {map[string]string{"/a": "", "/b": ""}, map[string]string{"/b": ""}, 1, 1},
		"two small, one new": {map[string]string{"/a": "", "/b": ""}, map[string]string{"/c": ""}, 2, 1},
		"one of two large":   {map[string]string{"/a": large, "/b": large}, map[string]string{"/b": large}, 1, 0},
		"now a directory":    {map[string]string{"/a": "1"}, map[string]string{"/a/b": "2"}, 1, 1},
		"ignored":            {map[string]string{"/a": "1", "/b": "1"}, map[string]string{"/.bsvignore": "a\n"}, 1, 1},
	} {
		st := newMemStore()
		from, to := lossTree(t, st, c.from), lossTree(t, st, c.to)
		l, err := Weigh(ctx, st, st, Mapping{Path: "/docs"}, from, to, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if l.Deleted != c.raw {
			t.Errorf("%s: %d deleted, not %d", name, l.Deleted, c.raw)
		}
		if err := l.Elsewhere(ctx, st, from, to); err != nil || l.Deleted != c.lost {
			t.Errorf("%s: %d lost, not %d: %v", name, l.Deleted, c.lost, err)
		}
	}
}

// Files turned incompressible when they could be compressed before; which of
// many are looked at does not matter much.
func TestLossTurned(t *testing.T) {
	ctx := context.Background()
	r := rand.NewChaCha8([32]byte{1})
	const files = 1000
	text := strings.Repeat("some text that compresses ", 20)
	for name, c := range map[string]struct {
		before, after func(i int) string
		least, most   uint64
	}{
		"encrypted":      {func(int) string { return text }, func(int) string { return noise(r, 600) }, files, files},
		"edited":         {func(int) string { return text }, func(i int) string { return text + fmt.Sprint(i) }, 0, 0},
		"pictures":       {func(int) string { return noise(r, 600) }, func(int) string { return noise(r, 600) }, 0, 0},
		"made readable":  {func(int) string { return noise(r, 600) }, func(int) string { return text }, 0, 0},
		"half encrypted": {func(int) string { return text }, func(i int) string { return []string{noise(r, 600), text + "!"}[i/500] }, 400, 600},
	} {
		st := newMemStore()
		a, b := map[string]string{}, map[string]string{}
		for i := range files {
			p := fmt.Sprintf("/d%d/f%03d", i/100, i)
			a[p], b[p] = c.before(i), c.after(i)
		}
		l, err := Weigh(ctx, st, st, Mapping{Path: "/docs"}, lossTree(t, st, a), lossTree(t, st, b), nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if l.Deleted != 0 || l.Rewritten != files || len(l.rewrites) < lookedAt || len(l.rewrites) >= 2*lookedAt {
			t.Fatalf("%s: %d deleted, %d rewritten, %d looked at", name, l.Deleted, l.Rewritten, len(l.rewrites))
		}
		if got, err := l.Turned(ctx, st); err != nil || got < c.least || got > c.most {
			t.Errorf("%s: %d turned, not %d to %d: %v", name, got, c.least, c.most, err)
		}
	}
}
