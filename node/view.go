package node

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/bsvsync/bsv/cas"
	"github.com/bsvsync/bsv/object"
)

// known is a record and what it says.
type known struct {
	rec    object.Record
	digest [32]byte
	said   object.Statement
}

// view is what the records say. It changes only under mu.
type view struct {
	mu       sync.Mutex
	saving   sync.Mutex // one save at a time; taken before mu
	v        *vault
	n        *Node
	recs     map[[32]byte]known           // of members
	strange  map[[32]byte]known           // of devices that are no members yet: in memory alone, bounded
	strangeB int                          // bytes of them
	former   map[object.DeviceID][]string // whose records lie here while the settings that admitted them are lost; with their addresses
	unsaved  []object.Record              // to be stored
	replaced []object.Record              // to be dropped
	settings object.Settings
	read     map[object.ID]bool // settings that are joined already, or say nothing
	members  map[object.DeviceID][]object.Admission
	complete *complete
	maximal  *maximal
	accepted map[object.ID]bool // heads that a person gave up
	broken   map[object.ID]bool // heads that are no snapshots, or name what is not there by its kind
	heads    []object.ID        // nil: to be computed
	pending  []object.ID
	holed    []object.ID // of heads: those that lack contents
	found    []object.ID // heads that no record names any more: see seek
}

// readSettings joins the settings that a record names, if they are here. What
// is not settings says nothing: every device passes over it alike.
func (w *view) readSettings(ctx context.Context, k known) error {
	id := k.said.Settings
	if id.IsZero() || w.read[id] {
		return nil
	}
	b, err := w.v.repo.Get(ctx, id)
	if errors.Is(err, object.ErrMissing) {
		return nil
	}
	if errors.Is(err, cas.ErrDamaged) { // the device must be able to tell, and to ask a peer
		w.n.log.Error("settings cannot be read", "device", k.rec.Device.String(), "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	s, err := object.DecodeSettings(b, w.v.header.Admission)
	w.read[id] = true
	if err != nil {
		w.n.hearsay.warn(w.n.log, "settings cannot be read", "device", k.rec.Device.String(), "err", err)
		return nil
	}
	w.joinLocked(s)
	return nil
}

func (w *view) join(s object.Settings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joinLocked(s)
}

func (w *view) joinLocked(s object.Settings) {
	joined := w.settings.Join(s)
	if size(joined) > size(w.settings) {
		// Nobody may fill the map until no record can carry it any more.
		if b, err := joined.Encode(); err != nil || len(b) > object.MaxObject/2 {
			w.n.hearsay.warn(w.n.log, "settings that are too large are left out", "bytes", len(b), "err", err)
			joined = w.settings
		}
	}
	w.settings = joined
	w.v.mergeVersion.Store(w.version("version/merge"))
	w.v.writerVersion.Store(w.version("version/writer"))
	w.members = object.Members(w.settings.Admissions, w.v.header.Tag, 0, w.v.header.Admission)
	w.heads = nil
	w.promote()
}

func size(s object.Settings) int {
	return len(s.Registers) + len(s.Admissions) + len(s.Revocations) + len(s.Generations)
}

// version reads a register that only grows. What is no number is newer than
// anything that this program knows.
func (w *view) version(name string) uint32 {
	v, ok := w.settings.Get(name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		return math.MaxUint32
	}
	return uint32(n)
}

// fresh forgets what was computed, after new objects have come.
func (w *view) fresh(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heads = nil
	named := w.namedLocked()
	maps.DeleteFunc(w.read, func(id object.ID, _ bool) bool {
		_, still := slices.BinarySearchFunc(named, id, compareID)
		return !still
	})
	for _, k := range append(w.recordsLocked(), slices.Collect(maps.Values(w.strange))...) {
		if err := w.readSettings(ctx, k); err != nil {
			w.n.hearsay.warn(w.n.log, "settings cannot be read", "device", k.rec.Device.String(), "err", err)
		}
	}
}

// named are the settings that records name, also those of devices that are no
// members yet: they may be what admits them.
func (w *view) named() []object.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.namedLocked()
}

func (w *view) namedLocked() []object.ID {
	var out []object.ID
	for _, recs := range []map[[32]byte]known{w.recs, w.strange} {
		for _, k := range recs {
			if !k.said.Settings.IsZero() {
				out = append(out, k.said.Settings)
			}
		}
	}
	slices.SortFunc(out, compareID)
	return slices.Compact(out)
}

// namedBy are the heads and settings that a device's records name.
func (w *view) namedBy(d object.DeviceID) map[object.ID]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[object.ID]bool{}
	for _, k := range w.recs {
		if k.rec.Device == d {
			out[k.said.Head], out[k.said.Settings] = true, true
		}
	}
	return out
}

func (w *view) isMember(d object.DeviceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.members[d]
	return ok
}

// Members are the admitted devices with their chains.
func (w *view) memberChains() map[object.DeviceID][]object.Admission {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[object.DeviceID][]object.Admission{}
	for d, c := range w.members {
		out[d] = c
	}
	return out
}

func (w *view) get(name string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings.Get(name)
}

func (w *view) registers() []object.Register {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.settings.Registers)
}

// others are the devices to reach, each with the addresses that it gave: the
// other members, and while their admissions are lost those that were: they
// prove again that they belong to the vault, and have what is lost.
func (w *view) others() map[object.DeviceID][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[object.DeviceID][]string{}
	for d, addrs := range w.former {
		out[d] = slices.Clone(addrs)
	}
	for d := range w.members {
		if k, ok := w.newestLocked(d); ok {
			out[d] = slices.Clone(k.said.Addresses)
		} else if _, ok := out[d]; !ok {
			out[d] = nil
		}
	}
	delete(out, w.v.id)
	return out
}

// records are all that are kept, in a fixed order.
func (w *view) records() []known {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.recordsLocked()
}

func (w *view) recordsLocked() []known {
	out := make([]known, 0, len(w.recs))
	for _, k := range w.recs {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b known) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	return out
}

// H is the set of maximal heads that are complete here, or were before contents
// were lost, and the heads of members that are not complete yet. A head that this
// device once had stays one, whatever becomes of the record that named it.
func (w *view) H(ctx context.Context) (heads, pending []object.ID, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.renew(); err != nil {
		return nil, nil, err
	} else if w.heads != nil {
		return w.heads, w.pending, nil
	}
	var have, holes []object.ID
	pending = []object.ID{}
	looked := map[object.ID]bool{}
	look := func(head object.ID, by string) error {
		if head.IsZero() || w.broken[head] || looked[head] {
			return nil
		}
		looked[head] = true
		s, ok, err := w.counts(ctx, head)
		if isBroken(err) { // the same on every device: the head counts nowhere
			w.broken[head] = true
			w.n.hearsay.warn(w.n.log, "a head cannot be read", "device", by, "err", err)
			return nil
		}
		switch {
		case err != nil:
			return err
		case ok:
			have = append(have, head)
			if s == holed {
				holes = append(holes, head)
			}
		case by != "":
			pending = append(pending, head)
		}
		return nil
	}
	for _, k := range w.recordsLocked() {
		if err := look(k.said.Head, k.rec.Device.String()); err != nil {
			return nil, nil, err
		}
	}
	unnamed, err := w.unnamed()
	if err != nil {
		return nil, nil, err
	}
	for _, head := range unnamed {
		if err := look(head, ""); err != nil {
			return nil, nil, err
		}
	}
	heads, err = w.maximal.update(ctx, w.v.env(), have)
	if err != nil {
		return nil, nil, err
	}
	if heads == nil {
		heads = []object.ID{}
	}
	w.heads, w.pending, w.holed = heads, pending, holes
	return heads, pending, nil
}

// isBroken tells objects that are not what a link says they are from objects
// that could not be read.
func isBroken(err error) bool {
	return errors.Is(err, object.ErrMalformed) || errors.Is(err, object.ErrLimit)
}
