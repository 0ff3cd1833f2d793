package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"path"
	"strings"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/internal/fault"
	"github.com/bsvsync/bsv/keyring"
	"github.com/bsvsync/bsv/object"
)

// ErrForeignVault is wrapped by errors about a repository of another vault.
var ErrForeignVault = errors.New("repository of another vault")

// Stored is a repository of files. Its objects are reached through the
// embedded store.
type Stored struct {
	*cas.Store
	be  cas.Backend
	tag [16]byte
	log *slog.Logger
}

// Options of Open.
type Options struct {
	Backend     cas.Backend
	Index       string
	Keys        *keyring.Keys
	Device      object.DeviceID
	Compression string
	ReadOnly    bool
	Log         *slog.Logger
	Fault       *fault.Injector
	Forgotten   func(cas.Place, [16]byte)
}

// HeaderName is the file of a vault's header.
const HeaderName = "vault"

// Create writes a vault's header into an empty place. The same header is no
// error; another vault's is.
func Create(be cas.Backend, h keyring.Header) error {
	old, err := ReadHeader(be)
	switch {
	case err == nil && old.Tag == h.Tag:
		return nil
	case err == nil:
		return fmt.Errorf("create repository: %w", ErrForeignVault)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return be.Write(HeaderName, h.Encode())
}

// ReadHeader reads a repository's header.
func ReadHeader(be cas.Backend) (keyring.Header, error) {
	b, err := be.Read(HeaderName, 0, -1)
	if err != nil {
		return keyring.Header{}, fmt.Errorf("read vault header: %w", err)
	}
	return keyring.DecodeHeader(b)
}

// Used reports whether a repository holds more than the making of a device that
// did not end leaves: the device's first record and a pack of its settings.
func Used(be cas.Backend) (bool, error) {
	records, packs := 0, 0
	for f, err := range be.List("records") {
		if err != nil {
			return false, fmt.Errorf("look at repository: %w", err)
		}
		if records++; records > 1 || !strings.Contains(path.Base(f.Name), fmt.Sprintf("-%016x-", 1)) {
			return true, nil
		}
	}
	for f, err := range be.List("packs") {
		if err != nil {
			return false, fmt.Errorf("look at repository: %w", err)
		}
		if packs++; packs > 1 || strings.HasPrefix(f.Name, "packs/data/") {
			return true, nil
		}
	}
	return false, nil
}

// Open opens a repository with the vault's keys.
func Open(ctx context.Context, o Options) (*Stored, error) {
	h, err := ReadHeader(o.Backend)
	if err != nil {
		return nil, err
	}
	if h.Tag != o.Keys.Tag {
		return nil, fmt.Errorf("open repository: %w", ErrForeignVault)
	}
	s, err := cas.Open(ctx, cas.Options{Backend: o.Backend, Index: o.Index, Keys: o.Keys, Device: o.Device, Compression: o.Compression, ReadOnly: o.ReadOnly, Log: o.Log, Fault: o.Fault, Forgotten: o.Forgotten})
	if err != nil {
		return nil, err
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Stored{Store: s, be: o.Backend, tag: o.Keys.Tag, log: log}, nil
}

// Rings enumerates the key rings that verify; a damaged one is logged.
func Rings(be cas.Backend, log *slog.Logger) iter.Seq2[*keyring.Ring, error] {
	return func(yield func(*keyring.Ring, error) bool) {
		for f, err := range be.List("keys") {
			var b []byte
			if err == nil {
				b, err = be.Read(f.Name, 0, -1)
			}
			if err != nil {
				yield(nil, fmt.Errorf("read key rings: %w", err))
				return
			}
			r, err := keyring.DecodeRing(b)
			if err != nil {
				log.Warn("key ring", "file", f.Name, "err", err)
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// PutRing keeps a key ring.
func PutRing(be cas.Backend, r *keyring.Ring) error {
	if HasRing(be, r) {
		return nil
	}
	return be.Write(ringName(r), r.Encode())
}

// HasRing reports whether a key ring is kept.
func HasRing(be cas.Backend, r *keyring.Ring) bool {
	_, err := be.Size(ringName(r))
	return err == nil
}

func ringName(r *keyring.Ring) string {
	sum := sha256.Sum256(r.Encode())
	return "keys/" + hex.EncodeToString(sum[:])
}

// Backend is where the repository's files are.
func (s *Stored) Backend() cas.Backend { return s.be }

// Records enumerates the records. One that does not decode or verify is
// logged and left out: it is damage, which other records do not suffer from.
func (s *Stored) Records(ctx context.Context) iter.Seq2[object.Record, error] {
	return func(yield func(object.Record, error) bool) {
		for f, err := range s.be.List("records") {
			var b []byte
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				b, err = s.be.Read(f.Name, 0, -1)
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				yield(object.Record{}, fmt.Errorf("read records: %w", err))
				return
			}
			r, err := object.DecodeRecord(b)
			if err == nil && (r.Tag != s.tag || "records/"+r.File() != f.Name) {
				err = fmt.Errorf("%w: not what its name says", object.ErrRecord)
			}
			if err != nil {
				s.log.Warn("record", "file", f.Name, "err", err)
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// PutRecord makes a record durable. Everything that it names must be.
func (s *Stored) PutRecord(r object.Record) error {
	return s.be.Write("records/"+r.File(), r.Encode())
}

// DropRecord removes a record that another one has taken the place of.
func (s *Stored) DropRecord(r object.Record) error {
	err := s.be.Remove("records/" + r.File())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
