package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/bsvsync/bsv/merge"
	"github.com/bsvsync/bsv/object"
)

// Bounds of what devices may make others keep.
const (
	// maxRecords is how many records of one device are kept. An honest one has
	// few: those whose heads no newer one has seen.
	maxRecords = 512
	// maxStrange is how many bytes of records wait for their device's
	// admission, which comes with the settings of another record.
	maxStrange = 4 << 20
)

func loadView(ctx context.Context, n *Node, v *vault) (*view, error) {
	w := &view{v: v, n: n, recs: map[[32]byte]known{}, strange: map[[32]byte]known{}, read: map[object.ID]bool{}, former: map[object.DeviceID][]string{}, accepted: map[object.ID]bool{}, broken: map[object.ID]bool{}}
	var err error
	if w.complete, err = newComplete(n.home.State(), v.repo.Generation, v.repo.Serial); err != nil {
		return nil, err
	}
	if w.maximal, err = loadMaximal(n.home.State()); err != nil {
		return nil, err
	}
	gone, err := n.givenUp()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range gone {
		w.accepted[id] = true
	}
	w.joinLocked(object.Settings{})
	if b, err := n.home.State().Value(chainKey); err != nil {
		return nil, err
	} else if chain, err := object.DecodeChain(b, v.header.Tag, v.header.Admission); err == nil && chain[len(chain)-1].Device == v.id {
		w.joinLocked(object.Settings{}.Admit(chain...)) // of another vault, or none: it says nothing
	}
	for r, err := range v.repo.Records(ctx) {
		if err != nil {
			return nil, err
		}
		said, err := r.Open(v.keys)
		if err != nil {
			n.log.Warn("record", "device", r.Device.String(), "err", err)
			continue
		}
		k := known{r, r.Digest(), said}
		w.strange[k.digest] = k // until all settings are read
		if err := w.readSettings(ctx, k); err != nil {
			return nil, err
		}
	}
	w.promote()
	w.unsaved = nil // they lie on the disk already
	if err := w.seek(ctx); err != nil {
		return nil, fmt.Errorf("look for snapshots: %w", err)
	}
	newest := map[object.DeviceID]object.Record{}
	for _, k := range w.strange {
		w.strangeB += len(k.rec.Sealed)
		if last, ok := newest[k.rec.Device]; !ok || newer(k.rec, last) {
			newest[k.rec.Device], w.former[k.rec.Device] = k.rec, k.said.Addresses
		}
	}
	return w, nil
}

// take adds a record to the view; it reports whether it was new and is kept.
// It is stored by save.
func (w *view) take(ctx context.Context, r object.Record) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := r.Digest()
	if _, ok := w.recs[d]; ok {
		return false, nil
	}
	if _, ok := w.strange[d]; ok {
		return false, nil
	}
	if r.Tag != w.v.header.Tag {
		return false, fmt.Errorf("%w: of another vault", object.ErrRecord)
	}
	if _, err := w.v.keys.Epoch(r.Epoch); err != nil { // its ring has not come yet: with the next session the record comes again
		w.n.log.Debug("record", "device", r.Device.String(), "err", err)
		return false, nil
	}
	said, err := r.Open(w.v.keys)
	if err != nil {
		return false, err
	}
	k := known{r, d, said}
	if _, member := w.members[r.Device]; member {
		if !w.keep(k) {
			return false, nil
		}
		return true, w.readSettings(ctx, k)
	}
	if w.strangeB+len(r.Sealed) > maxStrange {
		w.n.log.Debug("too many records of devices that are no members", "device", r.Device.String())
		return false, nil
	}
	w.strange[d] = k
	w.strangeB += len(r.Sealed)
	return true, w.readSettings(ctx, k)
}

// promote keeps the records whose devices have become members. The caller
// holds mu.
func (w *view) promote() {
	for d, k := range w.strange {
		if _, member := w.members[k.rec.Device]; member {
			delete(w.strange, d)
			w.strangeB = max(0, w.strangeB-len(k.rec.Sealed))
			w.keep(k)
		}
	}
}

// keep adds a member's record. A record whose head a newer one of its device
// names too goes at once; of a device with too many records one that names a
// head which never came goes. It reports whether the record stays. The caller
// holds mu.
func (w *view) keep(k known) bool {
	var same []known
	for _, o := range w.recs {
		if o.rec.Device == k.rec.Device {
			same = append(same, o)
		}
	}
	if k.rec.Device != w.v.id { // of our own, each tells of a copy of this device
		for _, o := range same {
			if o.said.Head != k.said.Head {
				continue
			}
			if newer(o.rec, k.rec) {
				return false
			}
			if newer(k.rec, o.rec) {
				w.discard(o)
			}
		}
	}
	if len(same) >= maxRecords {
		slices.SortFunc(same, func(a, b known) int {
			if newer(a.rec, b.rec) {
				return 1
			}
			return -1
		})
		i := slices.IndexFunc(same, func(o known) bool { return !w.complete.has(o.said.Head) && newer(k.rec, o.rec) })
		if i < 0 {
			w.n.hearsay.warn(w.n.log, "a device has too many records", "device", k.rec.Device.String())
			return false
		}
		w.discard(same[i])
	}
	w.recs[k.digest] = k
	w.unsaved = append(w.unsaved, k.rec)
	w.heads = nil
	return true
}

func (w *view) discard(k known) {
	delete(w.recs, k.digest)
	delete(w.broken, k.said.Head)
	w.replaced = append(w.replaced, k.rec)
	w.heads = nil
}

// save stores the records that were taken and removes those that others took
// the place of.
func (w *view) save() error {
	w.saving.Lock() // or a record could be stored after it was dropped
	defer w.saving.Unlock()
	w.mu.Lock()
	add, drop := w.unsaved, w.replaced
	w.unsaved, w.replaced = nil, nil
	w.mu.Unlock()
	gone := make(map[[64]byte]bool, len(drop))
	for _, r := range drop {
		gone[r.Sig] = true
	}
	for i, r := range add {
		if gone[r.Sig] { // of many that came at once the disk sees those that stay
			continue
		}
		if err := w.v.repo.PutRecord(r); err != nil {
			w.mu.Lock()
			w.unsaved = append(add[i:], w.unsaved...)
			w.replaced = append(drop, w.replaced...)
			w.mu.Unlock()
			return err
		}
	}
	for _, r := range drop {
		if err := w.v.repo.DropRecord(r); err != nil {
			return err // it is dropped again when it comes again
		}
	}
	return nil
}

// record is the kept record of a digest.
func (w *view) record(digest [32]byte) (known, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, ok := w.recs[digest]
	return k, ok
}

// holds reports whether a record is here, of a member or not.
func (w *view) holds(digest [32]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, kept := w.recs[digest]
	_, strange := w.strange[digest]
	return kept || strange
}

// awaits reports whether a record is here and something of what it names is
// not, or its device's admission.
func (w *view) awaits(digest [32]byte) bool {
	w.mu.Lock()
	k, kept := w.recs[digest]
	_, strange := w.strange[digest]
	w.mu.Unlock()
	return strange || kept && !k.said.Head.IsZero() && !w.hasComplete(k.said.Head)
}

// newer orders the records of one device.
func newer(a, b object.Record) bool {
	if a.Incarnation != b.Incarnation {
		return a.Incarnation > b.Incarnation
	}
	return a.Seq > b.Seq
}

// newest is the newest record of a device.
func (w *view) newest(d object.DeviceID) (known, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newestLocked(d)
}

func (w *view) newestLocked(d object.DeviceID) (known, bool) {
	list := w.ofLocked(d)
	if len(list) == 0 {
		return known{}, false
	}
	return list[len(list)-1], true
}

// ofLocked are a device's records, oldest first; those of one number, a fork,
// by digest.
func (w *view) ofLocked(d object.DeviceID) []known {
	var out []known
	for _, k := range w.recs {
		if k.rec.Device == d {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b known) int {
		switch {
		case newer(b.rec, a.rec):
			return -1
		case newer(a.rec, b.rec):
			return 1
		}
		return bytes.Compare(a.digest[:], b.digest[:])
	})
	return out
}

// tips are the records to name in a Hello: the newest of every device first.
func (w *view) tips(most int) [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	first, rest := map[object.DeviceID]known{}, []known{}
	for _, k := range w.recordsLocked() {
		o, ok := first[k.rec.Device]
		switch {
		case !ok:
			first[k.rec.Device] = k
		case newer(k.rec, o.rec):
			first[k.rec.Device] = k
			rest = append(rest, o)
		default:
			rest = append(rest, k)
		}
	}
	var out [][]byte
	for _, k := range first {
		out = append(out, k.digest[:])
	}
	for _, k := range rest {
		out = append(out, k.digest[:])
	}
	return out[:min(len(out), most)]
}

// prune drops records of a device whose head its newest record has seen.
func (n *Node) prune(ctx context.Context, v *vault, d object.DeviceID) error {
	w := v.view
	w.mu.Lock()
	list := w.ofLocked(d)
	if len(list) < 2 {
		w.mu.Unlock()
		return nil
	}
	last, old := list[len(list)-1], list[:len(list)-1]
	complete := last.said.Head.IsZero() || w.complete.readable(last.said.Head)
	w.mu.Unlock()
	if !complete {
		return nil
	}
	var heads []object.ID
	for _, k := range old {
		if !k.said.Head.IsZero() {
			heads = append(heads, k.said.Head)
		}
	}
	seen := map[object.ID]bool{}
	if !last.said.Head.IsZero() && len(heads) > 0 {
		in, err := merge.Seen(ctx, v.env(), []object.ID{last.said.Head}, heads)
		if err != nil {
			return err
		}
		for i, h := range heads {
			seen[h] = in[i]
		}
	}
	w.mu.Lock()
	for _, k := range old {
		if k.said.Head.IsZero() || seen[k.said.Head] {
			w.discard(k)
		}
	}
	w.mu.Unlock()
	return w.save()
}
