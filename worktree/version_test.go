package worktree

import (
	"context"
	"iter"
	"testing"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// A vault whose merge rules are newer than this program: what a person
// changed is stored all the same, on the heads that the disk was given.
func TestDecideUnderNewerRules(t *testing.T) {
	ctx := context.Background()
	hash := object.NewHasher([32]byte{1}, [32]byte{2})
	store := object.NewOverlay(nothing{}, hash)
	tree := func(entries ...object.Entry) object.ID {
		id, _, err := object.BuildTree(ctx, hash, store, seq(entries))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	file := func(name, text string) object.Entry {
		return object.Entry{Name: name, Kind: object.File, Mode: 0o644, Size: uint64(len(text)), Content: object.Content{Inline: text}}
	}
	docs := func(files ...object.Entry) object.ID {
		return tree(object.Entry{Name: "docs", Kind: object.Dir, Mode: 0o755, Tree: tree(files...), Size: uint64(len(files))})
	}
	snap := func(dev byte, root object.ID) object.ID {
		b, err := object.EncodeSnapshot(object.Snapshot{Root: root, MergeVersion: 1, Device: object.DeviceID{dev}})
		if err != nil {
			t.Fatal(err)
		}
		id, err := store.Put(ctx, object.KindSnapshot, b)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	h1, h2 := snap(1, docs(file("a", "1"))), snap(2, docs(file("b", "2")))
	env := merge.Env{Get: store, Hash: hash, Version: merge.Version + 1}
	d, err := Decide(ctx, Situation{Env: env, A: []object.ID{h1}, H: []object.ID{h1, h2},
		Mapped: []Mapped{{Path: "/docs", Materialised: tree(file("a", "1")), Scanned: tree(file("a", "edited"))}}})
	if err != nil || d.Kind != Write {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, o := range d.New {
		if _, err := store.Put(ctx, o.Kind, o.Plain); err != nil {
			t.Fatal(err)
		}
	}
	e, ok, err := object.LookupPath(ctx, store, d.Tree, "/docs/a")
	if err != nil || !ok || e.Content.Inline != "edited" {
		t.Fatalf("%+v, %v, %v", e, ok, err)
	}
}

type nothing struct{}

func (nothing) Get(context.Context, object.ID) ([]byte, error) { return nil, object.ErrMissing }

func seq(entries []object.Entry) iter.Seq2[object.Entry, error] {
	return func(yield func(object.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}
