package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bsvsync/bsv/node"
)

// two are devices of one vault that hold the same files, and their clock.
type two struct {
	t     *testing.T
	a, b  *device
	later atomic.Int64
}

func newTwo(t *testing.T, files map[string]string) *two {
	ctx := context.Background()
	w := &two{t: t}
	now := func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }
	w.a, w.b = newDeviceAt(t, testSecret().Words(), now), newDeviceAt(t, "", now)
	w.write(w.a, files)
	if _, err := w.a.Snapshot(ctx, node.SnapshotRequest{}); err != nil {
		t.Fatal(err)
	}
	inv, err := w.a.Invite(ctx, node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.b.Join(ctx, node.JoinRequest{Ticket: inv.Ticket, Maps: []string{"/docs=" + w.b.dir}}); err != nil {
		t.Fatal(err)
	}
	w.synced()
	return w
}

// numbered are n files of a directory; each has a content of its own.
func numbered(dir string, n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("%s/f%03d", dir, i)] = fmt.Sprintf("%s %d", dir, i)
	}
	return out
}

func and(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func (w *two) write(d *device, files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		p := filepath.Join(d.dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *two) remove(d *device, name string) {
	w.t.Helper()
	if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

// send is a snapshot of a, and what b's sync says of it.
func (w *two) send() node.Kind {
	w.t.Helper()
	if _, err := w.a.Snapshot(context.Background(), node.SnapshotRequest{}); err != nil {
		w.t.Fatal(err)
	}
	return w.sync()
}

func (w *two) sync() node.Kind {
	w.t.Helper()
	_, err := w.b.Sync(context.Background(), node.SyncRequest{})
	switch {
	case err == nil:
		return ""
	case node.Explain(err).Kind != node.Brake:
		w.t.Fatal(err)
	}
	return node.Brake
}

func (w *two) synced() {
	w.t.Helper()
	if got := w.send(); got != "" {
		w.t.Fatalf("%v instead of a sync", got)
	}
	if _, err := w.a.Sync(context.Background(), node.SyncRequest{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *two) braked() {
	w.t.Helper()
	if w.send() != node.Brake {
		w.t.Fatal("no brake")
	}
}

// files counts what d's directory holds below a name.
func (w *two) files(d *device, name string) int {
	w.t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(d.dir, name), func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != ".bsvmap" {
			n++
		}
		return nil // what is not there holds nothing
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// An edit does what it was asked for while a mass deletion waits, and consents
// to nothing else.
func TestConsentIsForWhatTheEditDoes(t *testing.T) {
	ctx := context.Background()
	w := newTwo(t, and(numbered("p", 60), map[string]string{"keep": "first", "other": "o", "p/late": "l"}))
	w.write(w.a, map[string]string{"keep": "second"})
	w.synced()
	for name := range numbered("p", 60) {
		w.remove(w.a, name)
	}
	w.braked()
	src := filepath.Join(t.TempDir(), "src")
	if err := os.WriteFile(src, []byte("added"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(w.b.dir, name)) // nothing, when it is not there
		return string(b)
	}
	for _, c := range []struct {
		what string
		do   func() error
		done func() bool
		kind node.Kind
	}{
		{"mkdir", func() error { _, err := w.b.Mkdir(ctx, node.PathRequest{Path: "/docs/new"}); return err },
			func() bool { fi, err := os.Stat(filepath.Join(w.b.dir, "new")); return err == nil && fi.IsDir() }, ""},
		{"mkdir again", func() error { _, err := w.b.Mkdir(ctx, node.PathRequest{Path: "/docs/new"}); return err }, nil, ""},
		{"add", func() error {
			_, err := w.b.Add(ctx, node.AddRequest{Sources: []string{src}, Path: "/docs/added"})
			return err
		}, func() bool { return read("added") == "added" }, ""},
		{"add -", func() error {
			_, err := w.b.PutFile(ctx, node.PathRequest{Path: "/docs/p/put"}, strings.NewReader("put"))
			return err
		}, func() bool { return read("p/put") == "put" }, ""},
		{"restore a file", func() error {
			_, err := w.b.Restore(ctx, node.RestoreRequest{Refs: []string{"latest~5:/docs/keep"}})
			return err
		}, func() bool { return read("keep") == "first" }, ""},
		{"rm", func() error { _, err := w.b.Rm(ctx, node.PathRequest{Path: "/docs/other"}); return err },
			func() bool { return read("other") == "" }, ""},
		{"rm -r", func() error { _, err := w.b.Rm(ctx, node.PathRequest{Path: "/docs/p", Recursive: true}); return err },
			func() bool { return read("p/late") == "" && read("p/put") == "" }, node.Brake},
	} {
		err := c.do()
		if err == nil && c.kind != "" || err != nil && (node.Explain(err) == nil || node.Explain(err).Kind != c.kind) {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.done != nil && !c.done() {
			t.Errorf("%s was not done", c.what)
		}
		want := 62
		if c.what == "mkdir" || c.what == "mkdir again" || c.what == "add" {
			want = 61
		}
		if c.what == "rm -r" {
			want = 60
		}
		if got := w.files(w.b, "p"); got != want {
			t.Fatalf("after %s %d files are left, not %d", c.what, got, want)
		}
		if s, err := w.b.MapList(ctx); err != nil || s.Maps[0].State != "waiting" {
			t.Fatalf("after %s: %+v, %v", c.what, s.Maps, err)
		}
	}
	if w.sync() != node.Brake {
		t.Fatal("the brake is gone")
	}
	if _, err := w.b.Sync(ctx, node.SyncRequest{AcceptDeletes: true}); err != nil || w.files(w.b, "p") != 0 || read("added") != "added" {
		t.Fatal(err, w.files(w.b, "p"))
	}
}

// What an edit brings back needs no consent, nor does what it deletes itself.
func TestConsentByRestore(t *testing.T) {
	ctx := context.Background()
	w := newTwo(t, numbered("p", 60))
	w.write(w.a, numbered("q", 60))
	w.synced()
	w.remove(w.a, "p")
	w.braked()
	if _, err := w.b.Restore(ctx, node.RestoreRequest{Refs: []string{"latest~1:/docs/p"}}); err != nil || w.sync() != "" || w.files(w.b, "p") != 60 {
		t.Fatal(err, w.files(w.b, "p"))
	}
	if _, err := w.b.Rm(ctx, node.PathRequest{Path: "/docs/q", Recursive: true}); err != nil || w.files(w.b, "q") != 0 {
		t.Fatal(err, w.files(w.b, "q"))
	}
	if _, err := w.a.Sync(ctx, node.SyncRequest{}); node.Explain(err) == nil || node.Explain(err).Kind != node.Brake || w.files(w.a, "q") != 60 { // there another device deleted them
		t.Fatal(err, w.files(w.a, "p"), w.files(w.a, "q"))
	}
}

// Deletions in steps stop where one of their size would; waiting does not
// make them less.
func TestBrakeLooksBack(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files = and(files, numbered(fmt.Sprintf("d%02d", i), 10))
	}
	w := newTwo(t, files)
	step := func(i int) node.Kind {
		w.remove(w.a, fmt.Sprintf("d%02d", i))
		w.later.Add(int64(time.Minute))
		return w.send()
	}
	for i := range 8 {
		if got := step(i); got != "" || w.files(w.b, ".") != 200-10*(i+1) {
			t.Fatalf("after %d steps: %v, %d files", i+1, got, w.files(w.b, "."))
		}
	}
	for range 2 { // 41 % and no more: it is not forgotten either
		if got := step(8); got != node.Brake || w.files(w.b, ".") != 120 {
			t.Fatalf("%v, %d files", got, w.files(w.b, "."))
		}
		w.later.Add(int64(2 * time.Hour))
	}
	if _, err := w.b.Sync(context.Background(), node.SyncRequest{AcceptDeletes: true}); err != nil || w.files(w.b, ".") != 110 {
		t.Fatal(err, w.files(w.b, "."))
	}
	for i := range 4 { // counted anew
		if got := step(9 + i); got != "" {
			t.Fatal(i, got)
		}
	}
	if got := step(13); got != node.Brake || w.files(w.b, ".") != 70 {
		t.Fatalf("%v, %d files", got, w.files(w.b, "."))
	}
}

// Ordinary work does not add up: what is deleted over hours, what comes back,
// what is made and deleted, what this device itself deletes.
func TestBrakeLetsWorkGoOn(t *testing.T) {
	ctx := context.Background()
	t.Run("over hours", func(t *testing.T) {
		files := map[string]string{}
		for i := range 10 {
			files = and(files, numbered(fmt.Sprintf("d%d", i), 10))
		}
		w := newTwo(t, files)
		for i := range 10 {
			w.remove(w.a, fmt.Sprintf("d%d", i))
			w.later.Add(int64(40 * time.Minute))
			if got := w.send(); got != "" {
				t.Fatal(i, got)
			}
		}
	})
	t.Run("builds", func(t *testing.T) {
		w := newTwo(t, and(numbered("src", 50), numbered("out", 20)))
		for i := range 8 {
			w.remove(w.a, "out")
			w.write(w.a, numbered("tmp", 20))
			if got := w.send(); got != "" {
				t.Fatal(i, got)
			}
			w.remove(w.a, "tmp")
			w.write(w.a, numbered("out", 20))
			if got := w.send(); got != "" {
				t.Fatal(i, got)
			}
		}
	})
	t.Run("own", func(t *testing.T) {
		w := newTwo(t, and(numbered("p", 40), numbered("q", 40), numbered("r", 20)))
		for i := range 20 { // by turns, in the directory and in the vault
			w.remove(w.a, fmt.Sprintf("r/f%03d", i))
			if got := w.send(); got != "" {
				t.Fatal(i, got)
			}
			w.remove(w.b, fmt.Sprintf("p/f%03d", 2*i))
			w.remove(w.b, fmt.Sprintf("p/f%03d", 2*i+1))
			if got := w.sync(); got != "" {
				t.Fatal(i, got)
			}
			if _, err := w.b.Rm(ctx, node.PathRequest{Path: fmt.Sprintf("/docs/q/f%03d", i)}); err != nil {
				t.Fatal(i, err)
			}
		}
		if n := w.files(w.b, "."); n != 20 {
			t.Fatal(n)
		}
		for i := 20; i < 40; i++ { // with the 20 before, the other one empties the mapping
			w.remove(w.a, fmt.Sprintf("q/f%03d", i))
		}
		w.braked()
	})
}

// What moves is not deleted.
func TestBrakeLetsMovesGo(t *testing.T) {
	w := newTwo(t, numbered("p", 60))
	if err := os.Rename(filepath.Join(w.a.dir, "p"), filepath.Join(w.a.dir, "photos")); err != nil {
		t.Fatal(err)
	}
	if got := w.send(); got != "" || w.files(w.b, "p") != 0 || w.files(w.b, "photos") != 60 {
		t.Fatal(got, w.files(w.b, "p"), w.files(w.b, "photos"))
	}
	for i := range 6 { // nor by and by
		if err := os.MkdirAll(filepath.Join(w.a.dir, "by"), 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range 10 {
			name := fmt.Sprintf("f%03d", 10*i+j)
			if err := os.Rename(filepath.Join(w.a.dir, "photos", name), filepath.Join(w.a.dir, "by", name)); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.send(); got != "" {
			t.Fatal(i, got)
		}
	}
	w.remove(w.a, "by")
	w.braked()
}

// Files that turn incompressible wait, at once and in steps; files that never
// were anything else do not.
func TestBrakeOnEncryption(t *testing.T) {
	r := rand.NewChaCha8([32]byte{7})
	noise := func() string {
		b := make([]byte, 2000)
		_, _ = r.Read(b) // it never fails
		return string(b)
	}
	docs, pics := map[string]string{}, map[string]string{}
	for i := range 80 {
		docs[fmt.Sprintf("doc%02d", i)] = strings.Repeat("text ", 400) + fmt.Sprint(i)
		pics[fmt.Sprintf("pic%02d", i)] = noise()
	}
	encrypt := func(files map[string]string, from, to int) map[string]string {
		out := map[string]string{}
		for i := from; i < to; i++ {
			for name := range files {
				if strings.HasSuffix(name, fmt.Sprintf("%02d", i)) {
					out[name] = noise()
				}
			}
		}
		return out
	}
	t.Run("at once", func(t *testing.T) {
		w := newTwo(t, docs)
		w.write(w.a, encrypt(docs, 0, 80))
		w.braked()
		if b, err := os.ReadFile(filepath.Join(w.b.dir, "doc00")); err != nil || string(b) != docs["doc00"] {
			t.Fatal("it was applied", err)
		}
		s, err := w.b.Status(context.Background())
		if err != nil || s.Maps[0].State != "waiting" || !strings.Contains(s.Maps[0].Reason, "encryption") {
			t.Fatalf("%+v, %v", s.Maps, err)
		}
		if _, err := w.b.Sync(context.Background(), node.SyncRequest{AcceptDeletes: true}); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(w.b.dir, "doc00")); err != nil || string(b) == docs["doc00"] {
			t.Fatal("it was not applied", err)
		}
	})
	t.Run("in steps", func(t *testing.T) {
		w := newTwo(t, docs)
		for i := range 8 {
			w.write(w.a, encrypt(docs, 10*i, 10*i+10))
			if got, want := w.send(), i >= 4; (got == node.Brake) != want {
				t.Fatal(i, got)
			}
		}
	})
	t.Run("pictures", func(t *testing.T) {
		w := newTwo(t, pics)
		w.write(w.a, encrypt(pics, 0, 80))
		w.synced()
	})
	t.Run("edits", func(t *testing.T) {
		w := newTwo(t, docs)
		for range 3 {
			for name := range docs {
				docs[name] += " edited"
			}
			w.write(w.a, docs)
			w.synced()
		}
	})
}
