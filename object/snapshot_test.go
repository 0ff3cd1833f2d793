package object

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func testConflict(path string) Conflict {
	e := fileEntry("a", "x")
	return Conflict{Path: path, Type: "content", Sides: []Side{{Entry: e, Device: DeviceID{1}}, {Entry: e, Snapshot: ID{1}}}, Copies: []string{path + ".copy"}}
}

func testSnapshot() Snapshot {
	return Snapshot{Root: ID{1}, Parents: []ID{{1}, {2}}, Base: ID{3}, Device: DeviceID{1}, Message: "m", Conflicts: []Conflict{testConflict("/a"), testConflict("/b")}}
}

func TestSnapshotsThatAreNone(t *testing.T) {
	if b, err := EncodeSnapshot(testSnapshot()); err != nil {
		t.Fatal(err)
	} else if back, err := DecodeSnapshot(b); err != nil || !reflect.DeepEqual(back, testSnapshot()) {
		t.Fatal(back, err)
	}
	many := make([]ID, MaxParents+1)
	for i := range many {
		many[i] = ID{1, byte(i >> 8), byte(i)}
	}
	for name, c := range map[string]struct {
		change func(*Snapshot)
		want   error
	}{
		"no root":                                {func(s *Snapshot) { s.Root = ID{} }, ErrMalformed},
		"no device":                              {func(s *Snapshot) { s.Device = DeviceID{} }, ErrMalformed},
		"parents out of order":                   {func(s *Snapshot) { s.Parents = []ID{{2}, {1}} }, ErrMalformed},
		"a parent twice":                         {func(s *Snapshot) { s.Parents = []ID{{2}, {2}} }, ErrMalformed},
		"a parent that is none":                  {func(s *Snapshot) { s.Parents = []ID{{}} }, ErrMalformed},
		"too many parents":                       {func(s *Snapshot) { s.Parents = many }, ErrLimit},
		"no base":                                {func(s *Snapshot) { s.Base = ID{} }, ErrMalformed},
		"a base without parents":                 {func(s *Snapshot) { s.Parents = nil }, ErrMalformed},
		"a long message":                         {func(s *Snapshot) { s.Message = strings.Repeat("a", MaxMessage+1) }, ErrLimit},
		"a message of bytes":                     {func(s *Snapshot) { s.Message = "\xff" }, ErrMalformed},
		"conflicts out of order":                 {func(s *Snapshot) { s.Conflicts[0].Path = "/z" }, ErrMalformed},
		"a conflict twice":                       {func(s *Snapshot) { s.Conflicts[1] = s.Conflicts[0] }, ErrMalformed},
		"too many conflicts":                     {func(s *Snapshot) { s.Conflicts = make([]Conflict, MaxConflicts+1) }, ErrLimit},
		"a conflict of a path that is not clean": {func(s *Snapshot) { s.Conflicts[0].Path = "/a/" }, ErrMalformed},
		"a conflict of the root":                 {func(s *Snapshot) { s.Conflicts[0].Path = "/" }, ErrMalformed},
		"a conflict without sides":               {func(s *Snapshot) { s.Conflicts[0].Sides = nil }, ErrMalformed},
		"a conflict of a type that is unknown":   {func(s *Snapshot) { s.Conflicts[0].Type = "else" }, ErrMalformed},
		"a conflict without its winner":          {func(s *Snapshot) { s.Conflicts[0].Winner = 2 }, ErrMalformed},
		"a side that no tree holds":              {func(s *Snapshot) { s.Conflicts[0].Sides[0].Entry.Size++ }, ErrMalformed},
		"a base that no tree holds":              {func(s *Snapshot) { s.Conflicts[0].Base = &Entry{Name: "a"} }, ErrMalformed},
		"a copy that is no path":                 {func(s *Snapshot) { s.Conflicts[0].Copies[0] = "a" }, ErrMalformed},
	} {
		s := testSnapshot()
		c.change(&s)
		if _, err := EncodeSnapshot(s); !errors.Is(err, c.want) {
			t.Errorf("%s is written: %v", name, err)
		}
		if _, err := DecodeSnapshot(appendSnapshot(nil, s)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	b, err := EncodeSnapshot(testSnapshot())
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := DecodeSnapshot(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := DecodeSnapshot(append(b, 0)); !errors.Is(err, ErrMalformed) {
		t.Error("a byte more:", err)
	}
	if _, err := DecodeSnapshot(make([]byte, MaxObject+1)); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

func TestGetSnapshot(t *testing.T) {
	ctx := context.Background()
	st := NewOverlay(nil, testHasher())
	b, err := EncodeSnapshot(testSnapshot())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := GetSnapshot(ctx, st, put(t, st, KindSnapshot, b)); err != nil || s.Message != "m" {
		t.Error(err)
	}
	if _, err := GetSnapshot(ctx, st, ID{1}); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if _, err := GetSnapshot(ctx, st, put(t, st, KindSnapshot, []byte("x"))); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// However many conflicts there are, and at whatever paths, a snapshot with
// the records that fit can be written.
func TestFitConflicts(t *testing.T) {
	h := testHasher()
	var list []Conflict
	for i := range 30_000 {
		c := testConflict(fmt.Sprintf("/%05d", i))
		for k := range c.Sides {
			c.Sides[k].Entry = Entry{Name: c.Path[1:], Kind: File, Content: Content{Kind: KindChunk, ID: h.Sum(KindChunk, []byte(c.Path))}, Size: 1 << 20, MTime: 1 << 60}
		}
		list = append(list, c)
	}
	list[0].Copies[0] = "/" + strings.Repeat("a", MaxName+1) // a copy at a path that is too long
	s := testSnapshot()
	s.Conflicts = SortConflicts(slices.Clone(list))
	if _, err := EncodeSnapshot(s); err == nil {
		t.Fatal("they all fit: this test tests nothing")
	}
	s.Conflicts = FitConflicts(list)
	b, err := EncodeSnapshot(s)
	if err != nil || len(s.Conflicts) < 10_000 || s.Conflicts[0].Path != "/00001" {
		t.Fatal(len(s.Conflicts), err)
	}
	if _, err := DecodeSnapshot(b); err != nil {
		t.Error(err)
	}
	few := []Conflict{testConflict("/b"), testConflict("/a"), testConflict("/a")}
	if got := FitConflicts(slices.Clone(few)); len(got) != 2 || got[0].Path != "/a" {
		t.Errorf("%d conflicts", len(got))
	}
}

func TestSortConflicts(t *testing.T) {
	a, b := testConflict("/a"), testConflict("/b")
	a2 := testConflict("/a")
	a2.Winner = 1
	list := SortConflicts([]Conflict{b, a2, a, a2, b})
	if len(list) != 3 || list[2].Path != "/b" {
		t.Fatalf("%d conflicts", len(list))
	}
	s := testSnapshot()
	s.Conflicts = list
	if _, err := EncodeSnapshot(s); err != nil {
		t.Error(err)
	}
	if again := SortConflicts([]Conflict{a, b, a2}); !reflect.DeepEqual(again, list) {
		t.Error("the order of records matters")
	}
}
