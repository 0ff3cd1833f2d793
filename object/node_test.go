package object

import (
	"context"
	"errors"
	"testing"
)

func put(t *testing.T, st *Overlay, kind Kind, b []byte) ID {
	t.Helper()
	id, err := st.Put(context.Background(), kind, b)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRoots(t *testing.T) {
	ctx := context.Background()
	h := testHasher()
	st := NewOverlay(nil, h)
	one := put(t, st, KindList, encodeNode(0, []item{listShape.leaf(item{id: ID{1}, bytes: 500})}))
	for _, err := range Pieces(ctx, st, one, 0) {
		if !errors.Is(err, ErrMalformed) {
			t.Error("a list of one chunk", err)
		}
	}
	leaf := put(t, st, KindTree, encodeNode(0, []item{treeShape.leaf(item{entry: fileEntry("a", "x")})}))
	high := put(t, st, KindTree, encodeNode(1, []item{treeShape.branch("a", leaf, 1, 1)}))
	for _, err := range Entries(ctx, st, high, "") {
		if !errors.Is(err, ErrMalformed) {
			t.Error("a root with one child", err)
		}
	}
	leaf2 := put(t, st, KindTree, encodeNode(0, []item{treeShape.leaf(item{entry: fileEntry("b", "x")})}))
	lie := put(t, st, KindTree, encodeNode(1, []item{treeShape.branch("a", leaf, 2, 1), treeShape.branch("b", leaf2, 1, 1)}))
	var last error
	for _, err := range Entries(ctx, st, lie, "") {
		last = err
	}
	if !errors.Is(last, ErrMalformed) {
		t.Error("a parent that counts wrongly", last)
	}
	big := encodeNode(1, []item{treeShape.branch("a", leaf, 1, 1<<63), treeShape.branch("b", leaf2, 1, 1<<63)})
	if _, err := decodeNode(treeShape, big); !errors.Is(err, ErrMalformed) {
		t.Error("sums that overflow", err)
	}
}
