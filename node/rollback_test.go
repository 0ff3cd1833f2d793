package node

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bsvsync/bsv/home"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// A snapshot that runs out of space forgets what was put. A head that was
// found complete by such objects is not: a mark would last, and they would
// never come.
func TestCompleteByWhatIsForgotten(t *testing.T) {
	ctx := context.Background()
	n, v, o := lone(t)
	chunk, err := v.repo.Put(ctx, object.KindChunk, bytes.Repeat([]byte("x"), 500))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := object.SetPath(ctx, v.repo.Hasher(), v.repo, v.repo, object.ID{}, "/f",
		&object.Entry{Kind: object.File, Content: object.Content{Kind: object.KindChunk, ID: chunk}, Size: 500, Mode: 0o644})
	if err != nil {
		t.Fatal(err)
	}
	b, err := object.EncodeSnapshot(object.Snapshot{Root: tree, Device: o.id, MergeVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	head, err := v.repo.Put(ctx, object.KindSnapshot, b)
	if err != nil {
		t.Fatal(err)
	}
	n.fault = fault.New(map[string]int{"complete.begin": 1}, func(string) {
		if err := v.repo.Rollback(); err != nil {
			t.Error(err)
		}
	})
	v.view.mu.Lock()
	stands, err := v.view.standing(ctx, head, false)
	v.view.mu.Unlock()
	if miss, merr := v.repo.Missing(ctx, []object.ID{head, tree, chunk}); err != nil || merr != nil || len(miss) != 3 {
		t.Fatalf("nothing was rolled back: %v, %v, %v", miss, err, merr)
	}
	if stands == whole || v.view.hasComplete(head) {
		t.Error("a head counts as complete and none of it is there")
	}
}

// between hands on two halves of a stream and acts between them.
type between struct {
	parts [2][]byte
	act   func()
	i     int
}

func (b *between) Read(p []byte) (int, error) {
	if b.i == 2 {
		return 0, io.EOF
	}
	if len(b.parts[b.i]) == 0 {
		if b.i == 0 {
			b.act()
		}
		b.i++
		return b.Read(p)
	}
	k := copy(p, b.parts[b.i])
	b.parts[b.i] = b.parts[b.i][k:]
	return k, nil
}

// A snapshot runs out of space while a file comes in as a stream: the file is
// refused, or it can be read.
func TestStreamWhileTheDiskIsFull(t *testing.T) {
	ctx := context.Background()
	tmp := t.TempDir()
	h, err := home.Open(ctx, home.Paths{Dir: filepath.Join(tmp, "home"), Config: filepath.Join(tmp, "config.toml")}, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	disk := &vfs.Fail{FS: vfs.OS{}, Err: syscall.ENOSPC}
	n, err := Open(ctx, Options{Home: h, FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	docs := filepath.Join(tmp, "docs")
	if err := os.Mkdir(docs, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Init(ctx, InitRequest{Dirs: []string{docs}}); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 6<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range big {
		big[i] = byte(r.Uint32())
	}
	full := func() {
		if err := os.WriteFile(filepath.Join(docs, "x"), bytes.Repeat([]byte("y"), 1000), 0o644); err != nil {
			t.Fatal(err)
		}
		disk.Cut()
		if _, err := n.Snapshot(ctx, SnapshotRequest{}); err == nil || Explain(err).Kind != NoSpace {
			t.Fatalf("the disk is full: %v", err)
		}
		disk.Mend()
	}
	_, err = n.PutFile(ctx, PathRequest{Path: "/big"}, &between{parts: [2][]byte{big[:5<<20], big[5<<20:]}, act: full})
	if err != nil {
		if Explain(err).Kind != NoSpace {
			t.Error(err)
		}
		return
	}
	_, stream, err := n.Get(ctx, "/big")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b, err := range stream {
		if err != nil {
			t.Fatalf("the file was taken, and reads: %v", err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, big) {
		t.Fatal("other bytes")
	}
}
