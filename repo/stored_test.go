package repo_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/bsvsync/bsv/cas/backend/dir"
	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
	"github.com/bsvsync/bsv/repo"
)

func secret(text string) keyring.Secret {
	var s keyring.Secret
	copy(s[:], text)
	return s
}

func TestCreateAndOpen(t *testing.T) {
	ctx := context.Background()
	be := dir.New(vfs.NewMem(), "repo", "dev", nil)
	if _, err := repo.ReadHeader(be); err == nil {
		t.Fatal("an empty place has a header")
	}
	ours, other := secret("ours"), secret("another vault's")
	for range 2 { // the second time it is there already
		if err := repo.Create(be, ours.Header()); err != nil {
			t.Fatal(err)
		}
	}
	if err := repo.Create(be, other.Header()); !errors.Is(err, repo.ErrForeignVault) {
		t.Fatalf("another vault's header over ours: %v", err)
	}
	open := func(s keyring.Secret) error {
		r, err := repo.Open(ctx, repo.Options{Backend: be, Index: filepath.Join(t.TempDir(), "index.db"), Keys: s.Keys()})
		if err == nil {
			err = r.Close()
		}
		return err
	}
	if err := open(ours); err != nil {
		t.Fatal(err)
	}
	if err := open(other); !errors.Is(err, repo.ErrForeignVault) {
		t.Fatalf("opened with another vault's keys: %v", err)
	}
}

// A damaged, a misnamed and a foreign record are left out; the others stay.
func TestRecordsLeaveDamageOut(t *testing.T) {
	ctx := context.Background()
	be := dir.New(vfs.NewMem(), "repo", "dev", nil)
	s := secret("ours")
	h := s.Header()
	if err := repo.Create(be, h); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(ctx, repo.Options{Backend: be, Index: filepath.Join(t.TempDir(), "index.db"), Keys: s.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dev := keyring.NewDevice(h)
	seal := func(keys *keyring.Keys, tag [16]byte, seq uint64) object.Record {
		rec, err := object.SealRecord(keys, dev.Signing, object.Outer{Tag: tag, Device: object.DeviceID(dev.ID()), Incarnation: 1 << 32, Seq: seq}, object.Statement{Time: 1})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	one, two := seal(s.Keys(), h.Tag, 1), seal(s.Keys(), h.Tag, 2)
	for _, rec := range []object.Record{one, two} {
		if err := r.PutRecord(rec); err != nil {
			t.Fatal(err)
		}
	}
	o := secret("another vault's")
	foreign := seal(o.Keys(), o.Header().Tag, 3)
	flipped := one.Encode()
	flipped[len(flipped)/2] ^= 1
	for name, b := range map[string][]byte{
		"records/" + two.File() + "0":                two.Encode(),
		"records/x/damaged":                          flipped,
		"records/x/cut":                              one.Encode()[:20],
		"records/x/empty":                            nil,
		"records/" + foreign.File():                  foreign.Encode(),
		"records/" + seal(s.Keys(), h.Tag, 9).File(): one.Encode(),
	} {
		if err := be.Write(name, b); err != nil {
			t.Fatal(err)
		}
	}
	list := func() map[[32]byte]bool {
		got := map[[32]byte]bool{}
		for rec, err := range r.Records(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			got[rec.Digest()] = true
		}
		return got
	}
	if got := list(); len(got) != 2 || !got[one.Digest()] || !got[two.Digest()] {
		t.Fatalf("%d records", len(got))
	}
	for range 2 { // gone already is no error
		if err := r.DropRecord(one); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(); len(got) != 1 || !got[two.Digest()] {
		t.Fatalf("after one was dropped: %d records", len(got))
	}
}

func TestRingsLeaveDamageOut(t *testing.T) {
	be := dir.New(vfs.NewMem(), "repo", "dev", nil)
	s := secret("ours")
	h := s.Header()
	dev := keyring.NewDevice(h)
	ring, err := keyring.SealRing(s.Keys(), h, [][32]byte{dev.Recipient()}, s.Admission(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := repo.PutRing(be, ring); err != nil {
			t.Fatal(err)
		}
	}
	if err := be.Write("keys/damaged", []byte("no ring")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range repo.Rings(be, slog.New(slog.DiscardHandler)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if k, err := r.OpenDevice(dev); err != nil || k.Tag != h.Tag {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Fatalf("%d rings", n)
	}
}
