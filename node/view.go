package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/bsvsync/bsv/merge"
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
	v        *vault
	n        *Node
	recs     map[[32]byte]known
	settings object.Settings
	members  map[object.DeviceID][]object.Admission
	complete *complete
	heads    []object.ID // nil: to be computed
	pending  []object.ID
}

func loadView(ctx context.Context, n *Node, v *vault) (*view, error) {
	w := &view{v: v, n: n, recs: map[[32]byte]known{}}
	var err error
	if w.complete, err = newComplete(n.home.State(), v.repo.Generation()); err != nil {
		return nil, err
	}
	for r, err := range v.repo.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if _, err := w.take(ctx, r); err != nil {
			n.log.Warn("record", "device", r.Device.String(), "err", err)
		}
	}
	return w, nil
}

// take adds a record to the view; it reports whether it was new. The record
// stays where it is.
func (w *view) take(ctx context.Context, r object.Record) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := r.Digest()
	if _, ok := w.recs[d]; ok {
		return false, nil
	}
	if r.Tag != w.v.header.Tag {
		return false, fmt.Errorf("%w: of another vault", object.ErrRecord)
	}
	said, err := r.Open(w.v.keys)
	if err != nil {
		return false, err
	}
	w.recs[d] = known{r, d, said}
	w.heads = nil
	return true, w.readSettings(ctx, said.Settings)
}

// readSettings joins a settings object if it is here.
func (w *view) readSettings(ctx context.Context, id object.ID) error {
	if id.IsZero() {
		w.members = object.Members(w.settings.Admissions, w.v.header.Tag, 0, w.v.header.Admission)
		return nil
	}
	b, err := w.v.repo.Get(ctx, id)
	if errors.Is(err, object.ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := object.DecodeSettings(b, w.v.header.Admission)
	if err != nil {
		return err
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
	w.settings = w.settings.Join(s)
	w.v.mergeVersion.Store(w.version("version/merge"))
	w.v.writerVersion.Store(w.version("version/writer"))
	w.members = object.Members(w.settings.Admissions, w.v.header.Tag, 0, w.v.header.Admission)
	w.heads = nil
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
	for _, k := range w.recs {
		if err := w.readSettings(ctx, k.said.Settings); err != nil {
			w.n.log.Warn("settings", "device", k.rec.Device.String(), "err", err)
		}
	}
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
	var best known
	ok := false
	for _, k := range w.recs {
		if k.rec.Device == d && (!ok || newer(k.rec, best.rec)) {
			best, ok = k, true
		}
	}
	return best, ok
}

// H is the set of maximal heads that are complete here, and the heads of
// members that are not yet.
func (w *view) H(ctx context.Context) (heads, pending []object.ID, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heads != nil {
		return w.heads, w.pending, nil
	}
	var have []object.ID
	pending = []object.ID{}
	for _, k := range w.recordsLocked() {
		if _, member := w.members[k.rec.Device]; !member || k.said.Head.IsZero() {
			continue
		}
		ok, err := w.isComplete(ctx, k.said.Head)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case ok:
			have = append(have, k.said.Head)
		case !slices.Contains(pending, k.said.Head):
			pending = append(pending, k.said.Head)
		}
	}
	heads, err = merge.Heads(ctx, w.v.env(), have)
	if err != nil {
		return nil, nil, err
	}
	if heads == nil {
		heads = []object.ID{}
	}
	w.heads, w.pending = heads, pending
	return heads, pending, nil
}

// publish writes this device's next record.
func (n *Node) publish(ctx context.Context, v *vault, head object.ID) error {
	if err := v.mayWrite(); err != nil {
		return err
	}
	w := v.view
	w.mu.Lock()
	o := object.Outer{Tag: v.header.Tag, Device: v.id, Epoch: v.keys.Current, Seq: 1}
	s := object.Statement{Time: n.now().UnixNano(), Head: head}
	last, ok := w.newestLocked(v.id)
	if ok {
		o.Incarnation, o.Seq, o.Prev = last.rec.Incarnation, last.rec.Seq+1, last.digest
		if head.IsZero() {
			s.Head = last.said.Head
		}
	} else {
		o.Incarnation = nextIncarnation(0)
	}
	if own, err := n.home.State().Value("own"); err != nil {
		w.mu.Unlock()
		return err
	} else if ok && !bytes.Equal(own, last.digest[:]) {
		// A record of ours that we do not remember: a restored image, a clone
		// or a lost state.db. The next incarnation opens over what was found.
		o.Incarnation, o.Seq = nextIncarnation(last.rec.Incarnation), 1
	}
	for d := range w.members {
		if k, ok := w.newestLocked(d); ok {
			s.Seen = append(s.Seen, object.Seen{Device: d, Incarnation: k.rec.Incarnation, Seq: k.rec.Seq})
		}
	}
	settings := w.settings
	w.mu.Unlock()
	if n.netAddrs() != nil {
		s.Addresses = n.netAddrs()
		s.Addresses = s.Addresses[:min(len(s.Addresses), object.MaxAddresses)]
	} else if ok {
		s.Addresses = last.said.Addresses
	}
	b, err := settings.Encode()
	if err != nil {
		return err
	}
	if s.Settings, err = v.repo.Put(ctx, object.KindSettings, b); err != nil {
		return err
	}
	if err := v.repo.Commit(ctx); err != nil {
		return err
	}
	r, err := object.SealRecord(v.keys, v.dev.Signing, o, s)
	if err != nil {
		return err
	}
	n.fault.Hit("record.begin")
	if err := v.repo.PutRecord(r); err != nil {
		return err
	}
	n.fault.Hit("record.published")
	d := r.Digest()
	if err := n.home.State().SetValue("own", d[:]); err != nil {
		return err
	}
	if _, err := w.take(ctx, r); err != nil {
		return err
	}
	return n.prune(ctx, v, v.id)
}

func nextIncarnation(after uint64) uint64 {
	var b [4]byte
	rand.Read(b[:])
	return (after>>32+1)<<32 | uint64(binary.LittleEndian.Uint32(b[:]))
}

// prune drops records of a device whose head its newest record has seen.
func (n *Node) prune(ctx context.Context, v *vault, d object.DeviceID) error {
	w := v.view
	w.mu.Lock()
	last, ok := w.newestLocked(d)
	var old []known
	for _, k := range w.recs {
		if k.rec.Device == d && k.digest != last.digest {
			old = append(old, k)
		}
	}
	complete := last.said.Head.IsZero() || w.complete.has(last.said.Head)
	w.mu.Unlock()
	if !ok || len(old) == 0 || !complete {
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
	for _, k := range old {
		if !k.said.Head.IsZero() && !seen[k.said.Head] {
			continue
		}
		if err := v.repo.DropRecord(k.rec); err != nil {
			return err
		}
		w.mu.Lock()
		delete(w.recs, k.digest)
		w.mu.Unlock()
	}
	return nil
}
